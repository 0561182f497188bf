# SPDX-License-Identifier: MIT
# The loader and the process: plug-ins that come and go, DllMain, children, ends.

# A plug-in that uses the DLL, as two modules.
foreach(name guest_a guest_b)
    add_library(${name} MODULE process/guest.c)
    target_link_libraries(${name} PRIVATE apmsock apmsock_compile)
    # Beside the programs, where the loader finds it.
    set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endforeach()

# Hosts of the plug-ins: linked to no library.
foreach(program process/plugin process/plugin_main)
    get_filename_component(name ${program} NAME)
    test_host(${program} process/child.c process/host.c process/plugin.c)
    add_dependencies(${name}_test guest_a guest_b)
endforeach()

# With the DLL, and with the library inside the program.
foreach(kind dll static)
    foreach(program process/process_end process/process_inherit)
        get_filename_component(name ${program} NAME)
        add_executable(${name}_test_${kind} ${program}_test.c process/child.c)
        target_link_libraries(${name}_test_${kind} PRIVATE test_support_${kind} apmsock_compile)
        find_suites(suites ${kind} "${CMAKE_CURRENT_SOURCE_DIR}/${program}_test.c")
        foreach(suite IN LISTS suites)
            test_entry(NAME ${kind}/${name}/${suite} LABELS process COMMAND ${name}_test_${kind} ${suite}
                ENVIRONMENT APMTEST_SKIP= APMTEST_WORKERS=)
        endforeach()
    endforeach()
endforeach()

# What is written for ETW, what is given back when the system refuses the rest, and what is asked of Winsock: sources of the boundary
# with stand-ins for the system's functions.
foreach(program process/trace process/refusal process/winsock)
    get_filename_component(name ${program} NAME)
    add_executable(${name}_test ${program}_test.c support/crash_filter_win32.c)
    target_include_directories(${name}_test PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${name}_test PRIVATE CUnit::CUnit apmsock_compile)
    test_entry(NAME static/${name}/${name} LABELS process COMMAND ${name}_test)
endforeach()
target_link_libraries(winsock_test PRIVATE ws2_32)
