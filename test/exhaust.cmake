# SPDX-License-Identifier: MIT
# Failing resources, on the seeded scheduler: on each of the three kernels (sim.h).
add_executable(exhaust_test
    exhaust/connect_scenarios.c
    exhaust/datagram_scenarios.c
    exhaust/exhaust_test.c
    exhaust/file_scenarios.c
    exhaust/library_scenarios.c
    exhaust/result_scenarios.c
    exhaust/socket_scenarios.c
    exhaust/stage.c
    exhaust/transfer_scenarios.c
    exhaust/world_sim.c)
target_link_libraries(exhaust_test PRIVATE CUnit::CUnit model_seeded apmsock_compile)
foreach(profile windows wine hostile)
    test_entry(NAME sim/exhaust/${profile} COMMAND exhaust_test --profile ${profile})
endforeach()
