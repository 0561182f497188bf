# SPDX-License-Identifier: MIT
# Sourced by ci/test: what is shipped. Each function dies when something is not as promised.
# shellcheck shell=bash

# The DLLs that come with every Windows the library is for.
system_dlls='api-ms-win-core-synch-l1-2-0\.dll|kernel32\.dll|msvcrt\.dll|ws2_32\.dll|shell32\.dll'

# check_binaries DIRECTORY TRIPLET: imports, exports, address space layout.
check_binaries() {
    local directory=$1 objdump=$2-objdump file foreign
    say "looking at the files of $directory"
    for file in "$directory/bin/apmsock.dll" "$directory/bin/apmdemo.exe"; do
        "$objdump" -p "$file" >"$build/objdump.txt" || die "$file cannot be read"
        foreign=$(sed -n 's/^\tDLL Name: //p' "$build/objdump.txt" |
            { [ "${file##*.}" = dll ] && cat || grep -vx 'apmsock\.dll'; } | grep -viE "^($system_dlls)$" || true)
        [ -z "$foreign" ] || die "$file needs $foreign"
        grep -q DYNAMIC_BASE "$build/objdump.txt" && grep -q NX_COMPAT "$build/objdump.txt" ||
            die "$file lacks DYNAMIC_BASE or NX_COMPAT"
    done
    python3 test/abi/abi.py --dll "$directory/bin/apmsock.dll" || die "apmsock.dll exports something else"
}

# The packages, made twice: the second time from the source package, unpacked elsewhere.
check_reproducible() {
    local again=$build/package-again version file
    version=$(library_version)
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
    rm -rf "$build"/package-*/
    ci/package || die "ci/package failed"
    mkdir -p "$again"
    tar -x -f "$build/package/msys2/apmsock-$version.tar.gz" -C "$again" || die "the source package cannot be read"
    say "packing again, from the source package"
    "$again/apmsock-$version/ci/package" 2>"$build/package-again.log" || {
        tail -n 40 "$build/package-again.log" >&2
        die "the source package does not make the packages"
    }
    diff "$build/package/SHA256SUMS" "$again/apmsock-$version/build/package/SHA256SUMS" >&2 ||
        die "packages made twice differ"
    # With what is stripped from the packages.
    for file in bin/apmsock.dll bin/apmdemo.exe lib/libapmsock.a lib/libapmsock.dll.a lib/apmsock.lib; do
        cmp "$build/package-x64/$file" "$again/apmsock-$version/build/package-x64/$file" >&2 ||
            die "$file differs between two builds"
    done
    # A linker that is given no SOURCE_DATE_EPOCH must not take the time of day. (strip does.)
    for file in "$build"/package-*/bin/*; do
        llvm-readobj --file-headers "$file" | grep -q 'TimeDateStamp: .*(0x0)' || die "$file has a moment in it"
    done
    say "looking into the packages"
    PYTHONDONTWRITEBYTECODE=1 python3 test/packaging/artifacts_test.py "$build/package" ||
        die "the packages are not as they should be"
}
