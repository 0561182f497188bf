# SPDX-License-Identifier: MIT
# The tests of the DLL and of the static library, and of the demo.
list(APPEND support_sources
    support/census_win32.c
    support/crash_filter_win32.c
    support/peer_winsock.c
    support/thread_win32.c)

# Where they are only to be compiled, once is enough, and fast.
option(APMSOCK_TESTS_RUN "Build the test programs to be run, with the static library, too" ON)
if(NOT APMSOCK_TESTS_RUN)
    add_compile_options($<$<COMPILE_LANGUAGE:C>:-O0> -g0) # Clang's C++ needs -O2 to link with GCC's library
endif()

foreach(kind dll static)
    if(kind STREQUAL dll)
        set(library apmsock)
    else()
        set(library apmsock_static)
    endif()
    add_library(test_support_${kind} STATIC ${support_sources})
    target_include_directories(test_support_${kind} PUBLIC support)
    target_link_libraries(test_support_${kind} PUBLIC CUnit::CUnit ${library} ws2_32 PRIVATE apmsock_compile)
    if(kind STREQUAL static AND NOT APMSOCK_TESTS_RUN)
        continue()
    endif()
    foreach(program IN LISTS programs)
        get_filename_component(name ${program} NAME)
        if(kind STREQUAL static AND name IN_LIST programs_long)
            continue()
        endif()
        add_executable(${name}_test_${kind} ${program}_test.c)
        target_link_libraries(${name}_test_${kind} PRIVATE test_support_${kind} apmsock_compile)
        test_modes(${kind} ${program} ${name}_test_${kind})
    endforeach()
endforeach()

# test_host(program source...): linked to no library, it loads the DLL by itself.
function(test_host program)
    get_filename_component(name ${program} NAME)
    add_executable(${name}_test ${program}_test.c support/census_win32.c support/crash_filter_win32.c
        support/peer_winsock.c ${ARGN})
    target_include_directories(${name}_test PRIVATE support "${PROJECT_SOURCE_DIR}/include")
    target_link_libraries(${name}_test PRIVATE CUnit::CUnit ws2_32 apmsock_compile)
    add_dependencies(${name}_test apmsock)
    test_entry(NAME dll/${name} LABELS process COMMAND ${name}_test
        ENVIRONMENT APMTEST_DLL=$<TARGET_FILE_NAME:apmsock>)
endfunction()

foreach(program IN LISTS programs_windows)
    test_host(${program})
endforeach()
include(exhaust.cmake)
include(docs/docs.cmake)
include(process/process.cmake)
include(network/network.cmake)
include(sample/sample.cmake)
if(TARGET ubsan_runtime)
    include(ubsan/ubsan.cmake)
endif()

# The demo from outside, as a user sees it. Python is named by its path: as a target it would be
# started with the emulator, which is for the demo only.
if(TARGET apmdemo)
    find_package(Python3 COMPONENTS Interpreter)
    if(Python3_Interpreter_FOUND)
        set(emulator "")
        if(CMAKE_CROSSCOMPILING_EMULATOR)
            set(emulator --wine ${CMAKE_CROSSCOMPILING_EMULATOR})
        endif()
        test_entry(NAME demo LABELS demo COMMAND "${Python3_EXECUTABLE}"
            "${CMAKE_CURRENT_SOURCE_DIR}/demo/demo_test.py" --exe $<TARGET_FILE:apmdemo> ${emulator})
        test_entry(NAME demo/get LABELS demo COMMAND "${Python3_EXECUTABLE}"
            "${CMAKE_CURRENT_SOURCE_DIR}/demo/get_test.py" --exe $<TARGET_FILE:apmdemo> ${emulator})
    endif()
endif()
