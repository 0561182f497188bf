# SPDX-License-Identifier: MIT
# Whether the run-time of -fsanitize=undefined (runtime.cmake) finds what it is for.
add_executable(ubsan_test ubsan/ubsan_test.c ubsan/faults.c process/child.c)
target_link_libraries(ubsan_test PRIVATE CUnit::CUnit apmsock_compile)
set_source_files_properties(ubsan/faults.c PROPERTIES COMPILE_OPTIONS "-Wno-vla;-Wno-declaration-after-statement")
test_entry(NAME ubsan COMMAND ubsan_test)
