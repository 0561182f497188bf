# SPDX-License-Identifier: MIT
# Sourced by ci/check and ci/test: whether the sources keep to what every compiler for Windows has,
# as far as that can be known without Windows. Clang stands in for MSVC, with its command line, its
# language and its binary interface, and Wine's headers and import libraries for Microsoft's.
# shellcheck shell=bash

packages_msvc="libwine-dev"
wine_headers=/usr/include/wine/wine

# Installs what is needed, and makes `stand_in` the command of MSVC's compiler.
find_stand_in() {
    need $packages_msvc
    # A name in Wine's header is a built-in function of Clang's on ARM64.
    stand_in=(clang --driver-mode=cl -fmsc-version=1938 /std:c11 /utf-8 /X /c /MD /D_CRT_SECURE_NO_WARNINGS
        /D_InterlockedCompareExchange128=wine_InterlockedCompareExchange128 -imsvc test/msvc
        -imsvc "$(clang -print-resource-dir)/include" -imsvc $wine_headers/msvcrt -imsvc $wine_headers/windows)
}

# compile_each WHAT COMMAND...: compiles each file whose name comes in, or complains.
compile_each() {
    local what=$1
    shift
    xargs -P "$jobs" -n 1 "$@" >"$build/check-msvc.log" 2>&1 ||
        complain "not $what: $(grep -m 20 'error' "$build/check-msvc.log")"
}

check_msvc() {
    local target file library others
    find_stand_in
    mapfile -t library < <(printf '%s\n' "${sources[@]}" | grep -E '^(src|win32)/.*\.c$')
    [ ${#library[@]} -ge 50 ] || complain "the sources of the library are not where they were"

    say "compiling for x64, x86 and ARM64 without extensions, and as MSVC does"
    for target in x86_64 i686 aarch64; do
        printf '%s\n' "${library[@]}" | compile_each "C11 for $target" clang --target=$target-w64-mingw32 -std=c11 \
            -isystem /usr/share/mingw-w64/include -Wall -Wextra -Wpedantic -Wmicrosoft -Wgnu -Werror -fsyntax-only \
            -Iinclude -Isrc
        printf '%s\n' "${library[@]}" | compile_each "for MSVC on $target" "${stand_in[@]}" \
            --target=$target-pc-windows-msvc /W4 /WX -Xclang -fsyntax-only -Iinclude -Isrc
    done
    for file in include/apmsock/*.h; do
        clang++ --target=x86_64-pc-windows-msvc -fmsc-version=1938 -std=c++17 -Wall -Wextra -Wpedantic -Werror \
            -fsyntax-only -Iinclude -x c++ -include "$file" /dev/null || complain "$file is not C++17 for MSVC"
    done

    say "checking that no word is one compiler's alone"
    # Clang knows them all. Inside of #if defined(__GNUC__) they may be, and where GCC or Linux is meant.
    mapfile -t others < <(printf '%s\n' "${sources[@]}" | grep -E '\.h$|^test/.*\.c$' |
        grep -vE '^test/((sim|fuzz|stress|ubsan|msvc)/|bench/server|exhaust/fault_win32)|_posix\.c$')
    while IFS= read -r file; do
        complain "not every compiler has that: $file"
    done < <(
        perl -0ne 's{/\*.*?\*/}{$& =~ s/[^\n]//gr}gse; s{"(\\.|[^"\\\n])*"}{""}g;
            s{^#if defined\(__GNUC__\).*?^#(?:else|endif)}{$& =~ s/[^\n]//gr}gsme;
            my $line = 0;
            for (split /\n/) {
                $line++;
                print "$ARGV:$line: $_\n" if /\b(__attribute__|__builtin_\w+|__asm\w*|asm|__?typeof\w*|__int128|
                    __extension__|__auto_type|aligned_alloc|_Thread_local|_Complex)\b|threads\.h|\[\s*static\b|
                    \(\s*\{/x;
            }' "${library[@]}" "${others[@]}"
    )
}

# Builds everything with the stand-in, in build/msvc, and by the CMake files' own part for MSVC.
build_msvc() {
    local place=$build/msvc-stand-in name library
    find_stand_in
    fetch_cunit
    say "building as MSVC would"
    rm -rf "$place"
    mkdir -p "$place/bin" "$place/lib"
    # By these names they are what MSVC's programs are.
    for name in clang:clang-cl lld-link:lld-link llvm-ar:llvm-lib llvm-rc:llvm-rc; do
        ln -s "$(command -v "${name%:*}")" "$place/bin/${name#*:}" || die "no ${name%:*}"
    done
    for library in /usr/lib/x86_64-linux-gnu/wine/x86_64-windows/lib*.a; do
        name=${library##*/lib}
        ln -s "$library" "$place/lib/${name%.a}.lib"
    done
    ln -s kernelbase.lib "$place/lib/synchronization.lib"
    for name in startup startup_dll; do
        "${stand_in[@]}" --target=x86_64-pc-windows-msvc -Wno-inconsistent-dllimport "/Fo$place/lib/$name.obj" \
            "test/msvc/$name.c" || die "cannot compile test/msvc/$name.c"
    done
    "$place/bin/llvm-lib" "/out:$place/lib/startup.lib" "$place/lib/startup.obj" "$place/lib/startup_dll.obj"
    {
        cmake -G Ninja -B "$build/msvc" -DCMAKE_TOOLCHAIN_FILE="$root/test/msvc/toolchain.cmake" \
            -DAPMSOCK_STAND_IN="$place" -DAPMSOCK_WERROR=ON -DAPMSOCK_TESTS=ON -DCUNIT_SOURCE_DIR="$cunit_source" &&
            cmake --build "$build/msvc" -j "$jobs"
    } >"$build/msvc.log" 2>&1 9>&- || {
        grep -vE '^(\[|LINK: |: &&)' "$build/msvc.log" | tail -n 40 >&2
        die "building as MSVC would failed; the whole log is $build/msvc.log"
    }
}
