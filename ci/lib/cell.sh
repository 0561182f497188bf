#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run by ci/matrix inside one of its systems, where nothing else of ci/ is used:
#
#   cell.sh prefix BITS                  makes Wine's prefix; 32: for programs of both sizes
#   cell.sh version                      which Wine it is
#   cell.sh ctest BITS LOG ARGUMENT...   runs CTest, for programs of 32 or 64 bits
set -euo pipefail

# Not every Debian has the server among the commands.
places=(/usr/lib/wine "/usr/lib/$(uname -m)-linux-gnu/wine")
export PATH=$PATH:${places[0]}:${places[1]}
export WINEPREFIX=/wine WINEDEBUG=fixme-all
# Without winedbg a crash is a crash: with it one in ten ends with exit code 0.
export WINEDLLOVERRIDES="mscoree,mshtml,winedbg.exe,winemenubuilder.exe=d"

# The loader itself: Debian's wrapper around it talks on stderr. One for each size, unless the same
# one loads both.
loader() {
    local place names=(wine64 wine) name
    [ "$1" = 64 ] || names=(wine wine64)
    for place in "${places[@]}"; do
        for name in "${names[@]}"; do
            if [ -x "$place/$name" ]; then
                printf '%s\n' "$place/$name"
                return
            fi
        done
    done
    command -v wine
}

what=$1
shift
case $what in
prefix)
    rm -rf "$WINEPREFIX"
    wine=$(loader 64)
    timeout 300 "$wine" wineboot -u
    timeout 60 "$wine" winecfg -v win10
    timeout 60 wineserver -w
    [ "$1" = 64 ] || [ -e "$WINEPREFIX/drive_c/windows/syswow64/kernel32.dll" ]
    ;;
version)
    "$(loader 64)" --version
    ;;
ctest)
    bits=$1 log=$2
    shift 2
    APMSOCK_MATRIX_WINE=$(loader "$bits")
    export APMSOCK_MATRIX_WINE
    # The first programs start services that keep their output open.
    wineserver -p600 >/dev/null 2>&1
    timeout 60 "$APMSOCK_MATRIX_WINE" cmd /c exit 0 >/dev/null 2>&1
    status=0
    ctest "$@" >"$log" 2>&1 || status=$?
    wineserver -k || true
    exit "$status"
    ;;
esac
