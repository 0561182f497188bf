# SPDX-License-Identifier: MIT
# Sourced by ci/check: what can be said about the C++ sources without running them.
# shellcheck shell=bash

# compile_cxx FILE OPTION...: by each compiler as C++17 and as C++20, or complains.
compile_cxx() {
    local file=$1 compiler standard
    shift
    for compiler in x86_64-w64-mingw32-g++-win32 g++ clang++; do
        command -v "$compiler" >/dev/null || [ "$compiler" != g++ ] || continue # not everywhere; the others are
        for standard in 17 20; do
            "$compiler" -std=c++$standard -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef \
                -Wold-style-cast -Wnon-virtual-dtor -Werror -fsyntax-only -Iinclude "$@" -x c++ "$file" ||
                complain "$file does not compile as C++$standard with $compiler $*"
        done
    done
}

check_cxx() {
    local files file name
    say "compiling the C++ headers alone, and the example of docs/foreign.md"
    for file in include/apmsock/*.hpp; do
        compile_cxx /dev/null -include "$file"
    done
    awk '/^```cpp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/foreign.md >"$build/foreign.cpp"
    [ -s "$build/foreign.cpp" ] || complain "docs/foreign.md has no C++ example"
    compile_cxx "$build/foreign.cpp"

    say "checking the C++ sources' form"
    mapfile -t files < <(find include test -name '*.hpp' -o -name '*.cpp')
    clang-format --dry-run --Werror "${files[@]}" 2>"$build/format-cxx.log" ||
        complain "run: clang-format -i on $(grep -oE '^[^:]+: error' "$build/format-cxx.log" | sort -u | tr '\n' ' ')"
    for file in "${files[@]}"; do
        [[ $file == *.cpp ]] || continue
        name=$(basename "$file")
        grep -qE "(^|[ (/])(${name//./\\.}|$(basename "$file" _test.cpp))($|[ )])" test/*/CMakeLists.txt test/*/*.cmake ||
            complain "$file is in no list of CMake's"
    done
    while IFS= read -r line; do
        complain "not a header for here: $line"
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*(<[^>]*[/.]|"[^"]*/)' include/apmsock/*.hpp || true)
}
