# SPDX-License-Identifier: MIT
# Sourced by ci/test: programs of somebody else, built with what is installed and with what is packed.
# Each function dies when something is not as promised.
# shellcheck shell=bash

# expect_consumer PROGRAM: runs it under Wine; it says the version.
expect_consumer() {
    local said
    said=$(timeout 60 "$wine" "$1" 2>"$build/consumer-run.log" 9>&- | tr -d '\r') ||
        die "${1#"$build/"} failed: $said $(tail -n 5 "$build/consumer-run.log")"
    [ "$said" = "apmsock $(library_version)" ] ||
        die "${1#"$build/"} said: $said"
}

# expect_import PROGRAM yes|no: whether it needs the DLL.
expect_import() {
    local found=no
    ! llvm-readobj --coff-imports "$1" | grep -q 'Name: apmsock\.dll' || found=yes
    [ "$found" = "$2" ] || die "${1#"$build/"} needs apmsock.dll: $found, not $2"
}

# in_place_of_msvc LANGUAGE GNU|MSVC ARCHITECTURE: `msvc` makes CMake take Clang for a compiler with the binary
# interface of MSVC, and with that command line. It is asked for nothing: there is no C run-time of MSVC here.
in_place_of_msvc() {
    local target=x86_64 processor=AMD64 size=8
    [ "$3" = x64 ] || target=i686 processor=x86 size=4
    msvc=(-G Ninja -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=$processor -DCMAKE_C_COMPILER=clang
        -DCMAKE_C_COMPILER_TARGET=$target-pc-windows-msvc -DCMAKE_C_COMPILER_FORCED=1 -DCMAKE_C_COMPILER_ID=Clang
        -DCMAKE_C_COMPILER_VERSION=14 -DCMAKE_C_SIMULATE_ID=MSVC -DCMAKE_C_SIMULATE_VERSION=19.38
        -DCMAKE_C_COMPILER_FRONTEND_VARIANT="$2" -DCMAKE_SIZEOF_VOID_P=$size -DCMAKE_RC_COMPILER=llvm-rc
        -DCMAKE_LINKER=lld-link -DCMAKE_MT=llvm-mt)
    msvc=("${msvc[@]//CMAKE_C_/CMAKE_$1_}")
}

# use_cmake PREFIX ARCHITECTURE DIRECTORY [EXAMPLE.c]: by find_package, in C and in C++.
use_cmake() {
    local prefix=$1 triplet=x86_64-w64-mingw32 directory=$3 languages=(c) options=() name kind
    [ "$2" = x64 ] || triplet=i686-w64-mingw32
    if [ "$2" = x64 ]; then
        languages+=(cpp)
        options=(-DCMAKE_CXX_COMPILER=$triplet-g++-win32 -DCONSUMER_CXX=ON)
    fi
    [ $# -lt 4 ] || options+=(-DEXAMPLE="$4")
    {
        cmake -S test/consumer -B "$directory" -G Ninja -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_TOOLCHAIN_FILE="$root/win32/toolchain-$triplet.cmake" -DCMAKE_FIND_ROOT_PATH="$prefix" \
            -DCMAKE_PREFIX_PATH="$prefix" "${options[@]}" && cmake --build "$directory" -j "$jobs"
    } >"$build/consumer.log" 2>&1 || {
        tail -n 40 "$build/consumer.log" >&2
        die "a program cannot use ${prefix#"$build/"} with CMake"
    }
    grep -q '/lib/libapmsock\.dll\.a' "$directory/build.ninja" || die "MinGW's linker does not get MinGW's import library"
    cp "$prefix/bin/apmsock.dll" "$directory"
    for name in "${languages[@]}"; do
        expect_import "$directory/consumer_${name}_dll.exe" yes
        expect_import "$directory/consumer_${name}_static.exe" no
        [ "$2" = x64 ] || continue # Wine for 32 bits is not everywhere; ci/matrix has it
        for kind in dll static; do
            expect_consumer "$directory/consumer_${name}_$kind.exe"
        done
    done
}

# use_pkg_config PREFIX ARCHITECTURE DIRECTORY: by what pkg-config says.
use_pkg_config() {
    local prefix=$1 triplet=x86_64-w64-mingw32 directory=$3 flags static
    [ "$2" = x64 ] || triplet=i686-w64-mingw32
    export PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig
    flags=$(pkg-config --cflags --libs apmsock) && static=$(pkg-config --static --cflags --libs apmsock) ||
        die "pkg-config does not find ${prefix#"$build/"}"
    unset PKG_CONFIG_LIBDIR
    [[ " $flags " == *" -I$prefix/"* && " $flags " != *ws2_32* ]] || die "pkg-config says: $flags"
    mkdir -p "$directory"
    cp "$prefix/bin/apmsock.dll" "$directory"
    # shellcheck disable=SC2086
    "$triplet-gcc-win32" -std=c11 -Wall -Wextra -Werror test/consumer/main.c $flags -o "$directory/dll.exe" &&
        "$triplet-gcc-win32" -std=c11 -Wall -Wextra -Werror test/consumer/main.c -static $static \
            -o "$directory/static.exe" || die "a program cannot use ${prefix#"$build/"} with pkg-config"
    expect_import "$directory/dll.exe" yes
    expect_import "$directory/static.exe" no
    [ "$2" = x64 ] || return 0
    expect_consumer "$directory/dll.exe"
    expect_consumer "$directory/static.exe"
}

# use_msvc PREFIX ARCHITECTURE DIRECTORY: objects as MSVC makes them, and a linker that takes what
# MSVC's takes. There is no C run-time of MSVC here: the program has none.
use_msvc() {
    local prefix=$1 triplet=x86_64 system=x64 dlltool=i386:x86-64 directory=$3
    [ "$2" = x64 ] || triplet=i686 system=x86 dlltool=i386
    mkdir -p "$directory"
    cp "$prefix/bin/apmsock.dll" "$directory"
    # On x86 an import has the name with its decoration, unless it is cut off.
    if [ "$2" = x64 ]; then
        printf 'LIBRARY kernel32.dll\nEXPORTS\n    ExitProcess\n'
    else
        printf 'LIBRARY kernel32.dll\nEXPORTS\n    ExitProcess@4\n'
    fi >"$directory/kernel32.def"
    llvm-dlltool -k -m "$dlltool" -D kernel32.dll -d "$directory/kernel32.def" -l "$directory/kernel32.lib" &&
        clang --target=$triplet-pc-windows-msvc -std=c11 -ffreestanding -Wall -Wextra -Werror -O1 -DAPMSOCK_DLL \
            -I"$prefix/include" -c test/consumer/freestanding.c -o "$directory/msvc.obj" &&
        lld-link "/machine:$system" /nologo /nodefaultlib /entry:start /subsystem:console "/out:$directory/msvc.exe" \
            "$directory/msvc.obj" "$prefix/lib/apmsock.lib" "$directory/kernel32.lib" ||
        die "lib/apmsock.lib of ${prefix#"$build/"} does not link as MSVC's linker would"
    # By name: an ordinal alone would bind the program to the list of today.
    llvm-readobj --coff-imports "$directory/msvc.exe" | grep -qE '^ *Symbol: apm_startup \(' ||
        die "lib/apmsock.lib of ${prefix#"$build/"} does not import by name"
    [ "$2" = x64 ] || return 0
    timeout 60 "$wine" "$directory/msvc.exe" 9>&- || die "what lld-link made failed: $?"
}

# use_msvc_cmake PREFIX ARCHITECTURE DIRECTORY: by find_package, behind use_msvc in the same directory. Its linker
# would take MinGW's import library, too, which MSVC's need not: what it is told is looked at.
use_msvc_cmake() {
    local prefix=$1 directory=$3 language variant work said msvc
    cat >"$directory/CMakeLists.txt" <<LIST
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES \${CONSUMER_LANGUAGE})
find_package(apmsock CONFIG REQUIRED)
set_source_files_properties("$root/test/consumer/freestanding.c" PROPERTIES LANGUAGE \${CONSUMER_LANGUAGE})
add_executable(consumer "$root/test/consumer/freestanding.c")
target_link_libraries(consumer PRIVATE apmsock::\${CONSUMER_TARGET})
LIST
    while read -r language variant; do
        work=$directory/$language-$variant
        in_place_of_msvc "$language" "$variant" "$2"
        msvc+=(-S "$directory" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" -DCONSUMER_LANGUAGE="$language"
            -DCMAKE_C_FLAGS=-ffreestanding -DCMAKE_C_STANDARD_LIBRARIES="$directory/kernel32.lib"
            -DCMAKE_EXE_LINKER_FLAGS="-Xlinker /nodefaultlib -Xlinker /entry:start")
        cmake -B "$work-dll" -DCONSUMER_TARGET=apmsock "${msvc[@]}" >"$build/consumer.log" 2>&1 || {
            tail -n 40 "$build/consumer.log" >&2
            die "$language for MSVC ($variant) does not find ${prefix#"$build/"}"
        }
        said=$(ninja -C "$work-dll" -t commands consumer | tail -n 1)
        [[ $said == *"$prefix/lib/apmsock.lib "* && $said != *libapmsock* ]] ||
            die "$language for MSVC ($variant) does not link lib/apmsock.lib: $said"
        said=$(cmake -B "$work-static" -DCONSUMER_TARGET=static "${msvc[@]}" 2>&1 | tr -s '[:space:]' ' ') &&
            die "$language for MSVC ($variant) gets the static library of mingw-w64"
        [[ $said == *"apmsock::static of this package is mingw-w64's, not for MSVC: link apmsock::apmsock"* ]] ||
            die "$language for MSVC ($variant) is not told why there is no static library: $said"
    done <<<$'C GNU\nC MSVC\nCXX GNU'
    cmake --build "$directory/C-GNU-dll" >"$build/consumer.log" 2>&1 || {
        tail -n 40 "$build/consumer.log" >&2
        die "a program for MSVC cannot use ${prefix#"$build/"} with CMake"
    }
    [ "$2" = x64 ] || return 0
    cp "$prefix/bin/apmsock.dll" "$directory/C-GNU-dll"
    timeout 60 "$wine" "$directory/C-GNU-dll/consumer.exe" 9>&- || die "what was linked for MSVC failed: $?"
}

# expect_versions PREFIX: which requests find_package accepts.
expect_versions() {
    local request answer
    cat >"$build/version.cmake" <<'SCRIPT'
set(CMAKE_SIZEOF_VOID_P 8)
string(REPLACE "." ";" parts ${PACKAGE_FIND_VERSION})
list(GET parts 0 PACKAGE_FIND_VERSION_MAJOR)
list(GET parts 1 PACKAGE_FIND_VERSION_MINOR)
set(PACKAGE_FIND_VERSION_COUNT 3)
include(${PREFIX}/lib/cmake/apmsock/apmsockConfigVersion.cmake)
if(PACKAGE_VERSION_COMPATIBLE AND NOT PACKAGE_VERSION_UNSUITABLE)
    message("yes")
else()
    message("no")
endif()
SCRIPT
    while read -r request answer; do
        [ "$(cmake -DPACKAGE_FIND_VERSION="$request" -DPREFIX="$1" -P "$build/version.cmake" 2>&1)" = "$answer" ] ||
            die "find_package(apmsock $request): not $answer"
    done < <(awk -v version="$(library_version)" 'BEGIN {
        split(version, part, ".")
        # Before 1.0 what is asked for has to be of the same minor version.
        print version, "yes"; print part[1] "." part[2] ".0", "yes"; print part[1] ".999.0", "no"; print part[1] + 1 ".0.0", "no"
        if (part[2] > 0) print part[1] ".0.0", (part[1] > 0 ? "yes" : "no")
    }')
}

# The sources as a part of somebody's project: no tool is asked for that only the packages need. And for Clang with
# GNU's command line and the binary interface of MSVC, as far as the rules go: no two make the same file.
use_sources() {
    local work=$1 place msvc
    mkdir -p "$work"
    cat >"$work/CMakeLists.txt" <<LIST
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C)
add_subdirectory("$root" apmsock)
add_executable(static_program "$root/test/consumer/main.c")
target_link_libraries(static_program PRIVATE apmsock::static)
add_executable(dll_program "$root/test/consumer/main.c")
target_link_libraries(dll_program PRIVATE apmsock::apmsock)
LIST
    # Where the project has a place for its programs, and where it has none: each program finds its DLL.
    for place in "" /programs; do
        {
            cmake -S "$work" -B "$work/build" -G Ninja ${place:+-DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$work/build$place"} \
                ${place:+-DCMAKE_ARCHIVE_OUTPUT_DIRECTORY="$work/build$place"} \
                -DCMAKE_TOOLCHAIN_FILE="$root/win32/toolchain-x86_64-w64-mingw32.cmake" &&
                cmake --build "$work/build" -j "$jobs" --target static_program dll_program
        } >"$build/consumer.log" 2>&1 || {
            tail -n 40 "$build/consumer.log" >&2
            die "a project cannot use the sources"
        }
        expect_import "$work/build$place/static_program.exe" no
        expect_import "$work/build$place/dll_program.exe" yes
        expect_consumer "$work/build$place/static_program.exe"
        expect_consumer "$work/build$place/dll_program.exe"
    done
    [ -s "$work/build/programs/libapmsock.a" ] || die "a project that uses the sources does not keep its directories"
    ! grep -q '^APMSOCK_DLLTOOL' "$work/build/CMakeCache.txt" || die "a project that uses the sources needs llvm-dlltool"
    in_place_of_msvc C GNU x64
    {
        cmake -S . -B "$work/clang" -DAPMSOCK_TESTS=OFF "${msvc[@]}" &&
            ninja -C "$work/clang" -n
    } >"$build/consumer.log" 2>&1 || {
        tail -n 40 "$build/consumer.log" >&2
        die "the rules for Clang with the binary interface of MSVC are none"
    }
}

# What was installed, moved to another place, and the unpacked zips.
check_consumers() {
    local work=$build/consumer architecture prefix
    say "building programs of somebody else"
    rm -rf "$work"
    mkdir -p "$work"
    # The first C block of the README that includes the header.
    awk '/^```c$/ { inside = 1; text = ""; next }
         /^```$/ { if (inside && text ~ /#include <apmsock\/apmsock\.h>/) { printf "%s", text; exit } inside = 0 }
         inside { text = text $0 "\n" }' README.md >"$work/example.c"
    [ -s "$work/example.c" ] || die "README.md has no C example"
    cmake --install "$build/package-x64" --prefix "$work/installed" >"$build/install.log" 2>&1 || {
        cat "$build/install.log" >&2
        die "installing failed"
    }
    mv "$work/installed" "$work/moved"
    ! grep -rlF -e "$work/installed" -e "$build/package-x64" "$work/moved/lib/cmake" "$work/moved/lib/pkgconfig" ||
        die "what is installed names the place where it was"
    expect_versions "$work/moved"
    use_cmake "$work/moved" x64 "$work/moved-cmake" "$work/example.c"
    use_pkg_config "$work/moved" x64 "$work/moved-pkg-config"
    use_sources "$work/sources"
    for architecture in x64 x86; do
        unzip -q "$build/package/apmsock-"*"-windows-$architecture.zip" -d "$work" || die "the zip cannot be unpacked"
        prefix=$(echo "$work/apmsock-"*"-windows-$architecture")
        use_cmake "$prefix" "$architecture" "$work/$architecture-cmake"
        use_pkg_config "$prefix" "$architecture" "$work/$architecture-pkg-config"
        use_msvc "$prefix" "$architecture" "$work/$architecture-msvc"
        use_msvc_cmake "$prefix" "$architecture" "$work/$architecture-msvc"
    done
}
