# SPDX-License-Identifier: MIT
# Failing resources: on each of the three simulated kernels (sim.h), on the seeded scheduler; and on
# the real one, where the linker puts fault_win32.c between the model and its kernel.
set(exhaust_sources
    exhaust/adopt_scenarios.c
    exhaust/connect_scenarios.c
    exhaust/datagram_scenarios.c
    exhaust/exhaust_test.c
    exhaust/file_scenarios.c
    exhaust/frugal_scenarios.c
    exhaust/library_scenarios.c
    exhaust/option_scenarios.c
    exhaust/result_scenarios.c
    exhaust/socket_scenarios.c
    exhaust/stage.c
    exhaust/transfer_scenarios.c)

if(NOT WIN32)
    add_executable(exhaust_test ${exhaust_sources} exhaust/world_sim.c)
    target_link_libraries(exhaust_test PRIVATE CUnit::CUnit model_seeded apmsock_compile)
    foreach(profile windows wine hostile)
        test_entry(NAME sim/exhaust/${profile} COMMAND exhaust_test --profile ${profile})
    endforeach()
elseif(MINGW) # the linkers of others cannot do it
    add_executable(exhaust_test ${exhaust_sources} exhaust/fault_win32.c exhaust/world_win32.c)
    target_include_directories(exhaust_test PRIVATE sim "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(exhaust_test PRIVATE test_support_static apmsock_compile)
    # Each that fault_win32.c has a substitute for.
    file(READ exhaust/fault_win32.c substitutes)
    string(REGEX MATCHALL "__wrap_apmk_[a-z_]+" substitutes "${substitutes}")
    list(REMOVE_DUPLICATES substitutes)
    list(TRANSFORM substitutes REPLACE "__wrap_" "LINKER:--wrap=")
    target_link_options(exhaust_test PRIVATE ${substitutes})
    # Most of it waits; on a slow machine for more than the usual time.
    test_entry(NAME static/exhaust TIMEOUT 900 COMMAND exhaust_test --seeds 1 ENVIRONMENT APMTEST_SKIP= APMTEST_WORKERS=)
endif()
