# SPDX-License-Identifier: MIT
# Sourced by ci/test: the recipes, as far as they can be run without the tools they are for.
# shellcheck shell=bash

# MSYS2's recipe: its functions, with the cross-compiler where MSYS2 has its own.
check_pkgbuild() {
    local work=$build/msys2 file
    rm -rf "$work"
    mkdir -p "$work/ucrt64/bin" "$work/src"
    cp "$build"/package/msys2/* "$work"
    bash -n "$work/PKGBUILD" || die "PKGBUILD is not bash"
    cat >"$work/ucrt64/bin/cmake" <<SCRIPT
#!/bin/sh
[ "\$1" != -S ] || set -- "\$@" -DCMAKE_TOOLCHAIN_FILE="$root/win32/toolchain-x86_64-w64-mingw32.cmake"
exec cmake "\$@"
SCRIPT
    chmod +x "$work/ucrt64/bin/cmake"
    (
        export MINGW_PREFIX=$work/ucrt64 MINGW_PACKAGE_PREFIX=mingw-w64-ucrt-x86_64 MSYSTEM=UCRT64
        srcdir=$work/src pkgdir=$work/pkg
        cd "$work"
        . ./PKGBUILD
        echo "${sha256sums[0]}  ${source[0]}" | sha256sum -c
        tar -x -f "${source[0]}" -C "$srcdir"
        cd "$srcdir"
        build
        package
    ) >"$build/msys2.log" 2>&1 || {
        tail -n 40 "$build/msys2.log" >&2
        die "PKGBUILD does not work"
    }
    for file in bin/apmsock.dll bin/apmdemo.exe lib/libapmsock.a lib/libapmsock.dll.a lib/pkgconfig/apmsock.pc \
        lib/cmake/apmsock/apmsockConfig.cmake include/apmsock/apmsock.h share/licenses/apmsock/LICENSE; do
        [ -s "$work/pkg$work/ucrt64/$file" ] || die "PKGBUILD does not package $file"
    done
}

# One kind of library only, as vcpkg and Conan install it: find_package, and what pkg-config says.
check_one_kind() {
    local work=$build/one-kind kind other
    rm -rf "$work"
    for kind in SHARED STATIC; do
        [ $kind = SHARED ] && other=STATIC || other=SHARED
        mkdir -p "$work/$kind"
        # What is built already is built the same.
        {
            cmake --preset x64 -B "$build/package-x64" -DAPMSOCK_$kind=ON -DAPMSOCK_$other=OFF &&
                cmake --build "$build/package-x64" -j "$jobs" &&
                cmake --install "$build/package-x64" --prefix "$work/$kind"
        } >"$build/one-kind.log" 2>&1 || {
            tail -n 40 "$build/one-kind.log" >&2
            die "installing one kind of library failed"
        }
        cat >"$work/$kind/CMakeLists.txt" <<LIST
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C)
find_package(apmsock CONFIG REQUIRED)
add_executable(consumer "$root/test/consumer/main.c")
target_link_libraries(consumer PRIVATE
    \$<IF:\$<TARGET_EXISTS:apmsock::apmsock>,apmsock::apmsock,apmsock::static>)
LIST
        {
            cmake -S "$work/$kind" -B "$work/$kind/build" -G Ninja -DCMAKE_FIND_ROOT_PATH="$work/$kind" \
                -DCMAKE_PREFIX_PATH="$work/$kind" \
                -DCMAKE_TOOLCHAIN_FILE="$root/win32/toolchain-x86_64-w64-mingw32.cmake" &&
                cmake --build "$work/$kind/build"
        } >"$build/one-kind.log" 2>&1 || {
            tail -n 40 "$build/one-kind.log" >&2
            die "a program cannot use what has one kind of library"
        }
    done
    cmake --preset x64 -B "$build/package-x64" -DAPMSOCK_SHARED=ON -DAPMSOCK_STATIC=ON >"$build/one-kind.log" 2>&1 ||
        die "configuring both kinds again failed"
    [ ! -e "$work/STATIC/bin/apmsock.dll" ] && [ ! -e "$work/SHARED/lib/libapmsock.a" ] ||
        die "more than one kind of library was installed"
    expect_import "$work/SHARED/build/consumer.exe" yes
    expect_import "$work/STATIC/build/consumer.exe" no
    # shellcheck disable=SC2046
    x86_64-w64-mingw32-gcc-win32 test/consumer/main.c -o "$work/plain.exe" $(
        PKG_CONFIG_LIBDIR=$work/STATIC/lib/pkgconfig pkg-config --cflags --libs apmsock
    ) || die "pkg-config does not say what the static library needs"
    expect_import "$work/plain.exe" no
    cp "$work/SHARED/bin/apmsock.dll" "$work/SHARED/build"
    expect_consumer "$work/SHARED/build/consumer.exe"
    expect_consumer "$work/STATIC/build/consumer.exe"
    expect_consumer "$work/plain.exe"
}

check_recipes() {
    say "following the recipes"
    check_pkgbuild
    cmake -DWORK="$build/vcpkg" -P test/packaging/portfile.cmake >"$build/vcpkg.log" 2>&1 || {
        cat "$build/vcpkg.log" >&2
        die "the recipe for vcpkg does not work"
    }
    check_one_kind
}
