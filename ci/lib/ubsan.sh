# SPDX-License-Identifier: MIT
# Sourced by ci/test: a part of the Windows tests under UndefinedBehaviorSanitizer. The model is seen
# natively, so the programs are those that reach most of win32/, and the run-time's own test.
# ci/matrix runs all of them.
# shellcheck shell=bash

ubsan_programs="connect connect_host datagram_message event poll send_file socket_option transfer"

# Configures x64-ubsan and builds no more than that of it.
build_ubsan() {
    say "building a part of x64-ubsan"
    build_targets x64-ubsan "ubsan_test $(printf '%s_test_dll ' $ubsan_programs)" \
        x64-ubsan -DAPMSOCK_TESTS=ON -DCUNIT_SOURCE_DIR="$cunit_source"
}

# CTest's pattern of these, without their modes.
ubsan_tests() { printf '^(ubsan|dll/(%s)/[a-z_]*)$' "${ubsan_programs// /|}"; }
