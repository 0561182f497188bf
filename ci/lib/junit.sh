# SPDX-License-Identifier: MIT
# Sourced by what runs CTest: counts of its JUnit file.
# shellcheck shell=bash

# attribute NAME FILE: of the test suite in CTest's JUnit file
attribute() {
    sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1
}
