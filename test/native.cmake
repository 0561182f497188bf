# SPDX-License-Identifier: MIT
# The model over the simulated kernel, with real threads (the conformance programs, and seeds)
# and with fibers on a seeded scheduler (seeds that can be replayed).
find_package(Threads REQUIRED)

list(APPEND support_sources support/census_sim.c support/peer_sim.c support/thread_posix.c)

set(sim_sources
    sim/sim_address.c
    sim/sim_connect.c
    sim/sim_datagram.c
    sim/sim_event.c
    sim/sim_file.c
    sim/sim_listener.c
    sim/sim_name.c
    sim/sim_option.c
    sim/sim_parts.c
    sim/sim_peer.c
    sim/sim_pipe.c
    sim/sim_port.c
    sim/sim_profile.c
    sim/sim_request.c
    sim/sim_socket.c
    sim/sim_system.c
    sim/sim_transfer.c
    sim/sim_wait.c
    sim/sim_watch.c
    sim/sim_work.c
    sim/sim_world.c)
set(sim_threads sim/sched_threads.c)
set(sim_seeded sim/fiber.c sim/sched_seeded.c)

list(TRANSFORM apmsock_model_sources PREPEND "${PROJECT_SOURCE_DIR}/")

# A library of the model with one of the two schedulers: test_model(target scheduler
# definition...)
function(test_model target scheduler)
    add_library(${target} STATIC ${apmsock_model_sources} ${sim_sources} ${sim_${scheduler}})
    target_compile_definitions(${target} PUBLIC APMK_SIMULATED ${ARGN})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src" sim)
    target_link_libraries(${target} PUBLIC Threads::Threads PRIVATE apmsock_compile)
endfunction()

test_model(model_threads threads)

# ---- the programs ------------------------------------------------------------------------------

add_library(test_support STATIC ${support_sources})
target_include_directories(test_support PUBLIC support)
target_link_libraries(test_support PUBLIC CUnit::CUnit model_threads PRIVATE apmsock_compile)

foreach(program IN LISTS programs programs_native)
    get_filename_component(name ${program} NAME)
    add_executable(${name}_test ${program}_test.c)
    target_link_libraries(${name}_test PRIVATE test_support apmsock_compile)
    test_modes(sim ${program} ${name}_test)
endforeach()

# ---- the seeds ---------------------------------------------------------------------------------

set(APMSOCK_SEEDS 2000 CACHE STRING "How many seeds run for each kernel and scheduler")
include(stress/stress.cmake)
math(EXPR some_seeds "${APMSOCK_SEEDS} / 2")
test_seeds(threads model_threads ${some_seeds})
# One thread at a time is nothing for ThreadSanitizer.
if(NOT APMSOCK_SANITIZE MATCHES thread)

    test_model(model_seeded seeded)
    test_seeds(seeded model_seeded ${APMSOCK_SEEDS})
    test_replays(seeded)
    test_scripts(seeded)
    foreach(program conformance/batch conformance/clock conformance/clock_posts conformance/interleaving
            conformance/interleaving_callback_close conformance/interleaving_close
            conformance/interleaving_close_beside conformance/interleaving_connect conformance/interleaving_end
            conformance/interleaving_library conformance/interleaving_loader conformance/interleaving_timed_close
            conformance/latency)
        get_filename_component(name ${program} NAME)
        add_executable(${name}_test ${program}_test.c)
        target_link_libraries(${name}_test PRIVATE CUnit::CUnit model_seeded apmsock_compile)
        test_entry(NAME sim/${name} COMMAND ${name}_test)
    endforeach()
    foreach(program batch clock clock_posts)
        target_sources(${program}_test PRIVATE conformance/clock.c)
    endforeach()
    foreach(program batch clock clock_posts latency) # the others set one kernel after the other
        foreach(profile wine hostile)
            test_entry(NAME sim/${program}/${profile} COMMAND ${program}_test ENVIRONMENT APMTEST_PROFILE=${profile})
        endforeach()
    endforeach()
    foreach(program interleaving interleaving_callback_close interleaving_close interleaving_close_beside
            interleaving_connect interleaving_end interleaving_library interleaving_loader interleaving_timed_close)
        target_sources(${program}_test PRIVATE conformance/scene.c)
    endforeach()
    test_script_itself()
    include(exhaust.cmake)
    # Large sends go to the kernel in pieces of 1 GiB; here they are small.
    test_model(model_pieces seeded "APMI_PIECE=((size_t)64)" "APMI_FILE_PIECE=64u")
    test_seeds(pieces model_pieces ${APMSOCK_SEEDS})
    test_scripts(pieces)
    if(CMAKE_C_COMPILER_ID STREQUAL "Clang" AND APMSOCK_SANITIZE MATCHES address)
        include(fuzz/fuzz.cmake)
    endif()
endif()
