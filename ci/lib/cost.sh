# SPDX-License-Identifier: MIT
# Sourced by ci/bench and ci/test: what an operation costs the model in instructions. They are those
# of one compiler, so the build is one for this alone.
# shellcheck shell=bash

packages_cost="gcc libc6-dev cmake ninja-build libcunit1-dev python3 valgrind"

# Configures native-cost and builds no more than the program.
build_cost() {
    need $packages_cost
    say "building a part of native-cost"
    build_targets native-cost operation_cost native-cost -DAPMSOCK_TESTS=ON
}

# count_instructions [--record]
count_instructions() {
    python3 test/bench/cost.py --program "$build/native-cost/test/operation_cost" --source src \
        --compiler "GCC $(gcc -dumpfullversion)" --budget test/bench/budget.json "$@" 9>&-
}
