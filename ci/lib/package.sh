# SPDX-License-Identifier: MIT
# Sourced by ci/test: what is shipped. Each function dies when something is not as promised.
# shellcheck shell=bash

# The DLLs that come with every Windows the library is for.
system_dlls='api-ms-win-core-synch-l1-2-0\.dll|kernel32\.dll|msvcrt\.dll|ws2_32\.dll|shell32\.dll'

# check_binaries DIRECTORY TRIPLET: imports, exports, address space layout.
check_binaries() {
    local directory=$1 objdump=$2-objdump file foreign exports expected
    say "looking at the files of $directory"
    for file in "$directory/bin/apmsock.dll" "$directory/bin/apmdemo.exe"; do
        "$objdump" -p "$file" >"$build/objdump.txt" || die "$file cannot be read"
        foreign=$(sed -n 's/^\tDLL Name: //p' "$build/objdump.txt" |
            { [ "${file##*.}" = dll ] && cat || grep -vx 'apmsock\.dll'; } | grep -viE "^($system_dlls)$" || true)
        [ -z "$foreign" ] || die "$file needs $foreign"
        grep -q DYNAMIC_BASE "$build/objdump.txt" && grep -q NX_COMPAT "$build/objdump.txt" ||
            die "$file lacks DYNAMIC_BASE or NX_COMPAT"
    done
    exports=$("$objdump" -p "$directory/bin/apmsock.dll" |
        sed -n '/^\[Ordinal\/Name Pointer\] Table/,/^$/ s/^.*\] \([a-z0-9_@]*\)$/\1/p' | LC_ALL=C sort)
    expected=$(sed -n '/^EXPORTS/,$ s/^    //p' win32/apmsock.def)
    [ -n "$exports" ] && [ "$exports" = "$expected" ] ||
        die "apmsock.dll exports: $(diff <(echo "$expected") <(echo "$exports") || true)"
}

# Two clean builds, the second one from a copy of the source elsewhere, give the same bytes.
check_reproducible() {
    local first=$build/repro-1 second=$build/repro-2 file
    say "building twice from nothing"
    rm -rf "$first" "$second"
    mkdir -p "$second/source"
    cp -r CMakeLists.txt CMakePresets.json LICENSE include src win32 "$second/source"
    {
        cmake --preset x64 -B "$first" -DAPMSOCK_TESTS=OFF && cmake --build "$first" -j "$jobs" &&
            (cd "$second/source" && cmake --preset x64 -B "$second/build" -DAPMSOCK_TESTS=OFF) &&
            cmake --build "$second/build" -j "$jobs"
    } >"$build/repro.log" 2>&1 || {
        tail -n 40 "$build/repro.log" >&2
        die "a clean build failed"
    }
    for file in bin/apmsock.dll bin/apmdemo.exe lib/libapmsock.a lib/libapmsock.dll.a lib/apmsock.lib; do
        cmp "$first/$file" "$second/build/$file" >&2 || die "$file differs between two builds"
    done
}

# Installs, and builds and runs a program of somebody else on it; the README's example, too.
check_installed() {
    local prefix=$build/install consumer=$build/consumer file kind said
    say "installing and using what was installed"
    rm -rf "$prefix" "$consumer"
    mkdir -p "$consumer"
    cmake --install "$build/repro-1" --prefix "$prefix" >"$build/install.log" 2>&1 || {
        cat "$build/install.log" >&2
        die "installing failed"
    }
    for file in bin/apmsock.dll bin/apmdemo.exe lib/libapmsock.dll.a lib/libapmsock.a lib/apmsock.lib \
        lib/cmake/apmsock/apmsockConfig.cmake lib/pkgconfig/apmsock.pc include/apmsock/apmsock.h; do
        [ -s "$prefix/$file" ] || die "not installed: $file"
    done
    # The first C block of the README that includes the header.
    awk '/^```c$/ { inside = 1; text = ""; next }
         /^```$/ { if (inside && text ~ /#include <apmsock\/apmsock\.h>/) { printf "%s", text; exit } inside = 0 }
         inside { text = text $0 "\n" }' README.md >"$consumer/example.c"
    [ -s "$consumer/example.c" ] || die "README.md has no C example"
    {
        cmake -S test/consumer -B "$consumer/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_TOOLCHAIN_FILE="$root/win32/toolchain-x86_64-w64-mingw32.cmake" \
            -DCMAKE_FIND_ROOT_PATH="$prefix" -DCMAKE_PREFIX_PATH="$prefix" -DEXAMPLE="$consumer/example.c" &&
            cmake --build "$consumer/build"
    } >"$build/consumer.log" 2>&1 || {
        tail -n 40 "$build/consumer.log" >&2
        die "a program cannot use what was installed"
    }
    cp "$prefix/bin/apmsock.dll" "$consumer/build"
    for kind in dll static; do
        said=$(timeout 60 "$wine" "$consumer/build/consumer_$kind.exe" 2>&1 9>&- | tr -d '\r') ||
            die "consumer_$kind failed: $said"
        [ "$said" = "apmsock $(sed -n 's/^#define APM_VERSION "\(.*\)"$/\1/p' include/apmsock/library.h)" ] ||
            die "consumer_$kind said: $said"
    done
    # LLVM's linker, as MSVC's, on the import library that is made for it.
    x86_64-w64-mingw32-gcc-win32 -O2 -I"$prefix/include" -DAPMSOCK_DLL test/consumer/main.c \
        "$prefix/lib/apmsock.lib" -o "$consumer/build/consumer_lib.exe" -static-libgcc ||
        die "lib/apmsock.lib does not link"
    said=$(timeout 60 "$wine" "$consumer/build/consumer_lib.exe" 2>&1 9>&-) || die "consumer_lib failed: $said"
}
