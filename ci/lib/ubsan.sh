# SPDX-License-Identifier: MIT
# Sourced by ci/test: a part of the Windows tests under UndefinedBehaviorSanitizer. The model is seen
# natively, so the programs are those that reach most of win32/, and the run-time's own test.
# ci/matrix runs all of them.
# shellcheck shell=bash

ubsan_programs="connect connect_host datagram_message event poll send_file socket_option transfer"

# Configures x64-ubsan and builds no more than that of it.
build_ubsan() {
    local log=$build/x64-ubsan.log program targets=(ubsan_test)
    for program in $ubsan_programs; do
        targets+=("${program}_test_dll")
    done
    say "building a part of x64-ubsan"
    {
        cmake --preset x64-ubsan -DAPMSOCK_WERROR=ON -DAPMSOCK_TESTS=ON -DCUNIT_SOURCE_DIR="$cunit_source" &&
            cmake --build "$build/x64-ubsan" -j "$jobs" --target "${targets[@]}"
    } >"$log" 2>&1 9>&- || {
        tail -n 60 "$log" >&2
        die "building x64-ubsan failed; the whole log is $log"
    }
}

# CTest's pattern of these, without their modes.
ubsan_tests() { printf '^(ubsan|dll/(%s)/[a-z_]*)$' "${ubsan_programs// /|}"; }
