# SPDX-License-Identifier: MIT
# Networks that break. Wine's sockets are those of Linux, whose network can be taken apart.
add_executable(network_test_dll
    network/connect_faults.c
    network/hand.c
    network/name_faults.c
    network/network_test.c
    network/link_faults.c
    network/parallel_faults.c
    network/relay_faults.c
    network/stuck.c
    network/transfer_faults.c)
target_link_libraries(network_test_dll PRIVATE test_support_dll apmsock_compile)

find_package(Python3 COMPONENTS Interpreter)
if(CMAKE_CROSSCOMPILING_EMULATOR AND Python3_Interpreter_FOUND)
    find_suites(suites dll "${CMAKE_CURRENT_SOURCE_DIR}/network/network_test.c")
    foreach(suite IN LISTS suites)
        test_entry(NAME network/${suite} LABELS network ENVIRONMENT APMTEST_SKIP= APMTEST_WORKERS=
            COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/network/network.py"
            --exe $<TARGET_FILE:network_test_dll> --wine "${CMAKE_CROSSCOMPILING_EMULATOR}"
            --room "${CMAKE_CURRENT_BINARY_DIR}/network" ${suite})
    endforeach()
endif()
