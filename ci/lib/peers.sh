# SPDX-License-Identifier: MIT
# Sourced by ci/bench: other libraries, from Debian's packages, built for Windows. Nothing of them
# is committed; all of it is below build/peers.
# shellcheck shell=bash

peers=$build/peers

fetch_peers() {
    local name found
    [ ! -e "$peers/fetched" ] || return 0
    say "fetching libuv, NNG and Asio"
    own_sources "$peers"
    mkdir -p "$peers/source"
    {
        apt-get "${apt_options[@]}" update &&
            (cd "$peers/source" && apt-get "${apt_options[@]}" source libuv1 nng &&
                apt-get "${apt_options[@]}" download libasio-dev && dpkg -x libasio-dev_*.deb ../asio)
    } </dev/null >"$build/peers.log" 2>&1 9>&- || {
        tail -n 20 "$build/peers.log" >&2
        die "cannot get the peers from Debian"
    }
    for name in libuv nng; do
        found=$(find "$peers/source" -maxdepth 1 -type d -name "$name*-*" | head -n 1)
        [ -n "$found" ] || die "no source of $name"
        mv "$found" "$peers/${name#lib}"
    done
    forget_sources "$peers"
    touch "$peers/fetched"
}

# build_peer NAME LIBRARY OPTION...: LIBRARY as lib/libNAME.a
build_peer() {
    local name=$1 library=$2
    shift 2
    [ ! -e "$peers/lib/lib$name.a" ] || return 0
    say "building $name"
    mkdir -p "$peers/lib"
    {
        cmake -S "$peers/$name" -B "$peers/build-$name" -G Ninja -DCMAKE_BUILD_TYPE=Release \
            --toolchain "$root/win32/toolchain-x86_64-w64-mingw32.cmake" "$@" &&
            cmake --build "$peers/build-$name" -j "$jobs" &&
            cp "$peers/build-$name/$library" "$peers/lib/lib$name.a"
    } >"$build/peers.log" 2>&1 9>&- || {
        tail -n 40 "$build/peers.log" >&2
        die "building $name failed; the whole log is $build/peers.log"
    }
}

build_peers() {
    fetch_peers
    build_peer uv libuv_a.a -DLIBUV_BUILD_TESTS=OFF -DBUILD_TESTING=OFF
    build_peer nng libnng.a -DNNG_TESTS=OFF -DNNG_TOOLS=OFF -DNNG_ENABLE_TLS=OFF -DBUILD_SHARED_LIBS=OFF
}
