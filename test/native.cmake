# SPDX-License-Identifier: MIT
# The model over the simulated kernel: with real threads for the conformance programs, and with
# one thread and a seeded scheduler for replay.
find_package(Threads REQUIRED)

list(APPEND support_sources support/census_sim.c support/peer_sim.c support/thread_posix.c)
apmsock_keep_existing(support_sources)

# TOLERANCE: to be an explicit list.
file(GLOB sim_sources CONFIGURE_DEPENDS sim/sim*.c)
file(GLOB seeds_sources CONFIGURE_DEPENDS stress/*.c)

list(TRANSFORM apmsock_model_sources PREPEND "${PROJECT_SOURCE_DIR}/")
add_library(model OBJECT ${apmsock_model_sources} ${sim_sources})
target_compile_definitions(model PUBLIC APMK_SIMULATED)
target_include_directories(model PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src" sim)
target_link_libraries(model PUBLIC Threads::Threads PRIVATE apmsock_compile)

foreach(scheduler threads seeded)
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/sim/sched_${scheduler}.c")
        add_library(model_${scheduler} STATIC $<TARGET_OBJECTS:model> sim/sched_${scheduler}.c)
        target_compile_definitions(model_${scheduler} PUBLIC APMK_SIMULATED)
        target_include_directories(model_${scheduler} PUBLIC "${PROJECT_SOURCE_DIR}/include"
            "${PROJECT_SOURCE_DIR}/src" sim)
        target_link_libraries(model_${scheduler} PUBLIC Threads::Threads PRIVATE apmsock_compile)
    endif()
endforeach()

if(TARGET model_threads)
    add_library(test_support STATIC ${support_sources})
    target_include_directories(test_support PUBLIC support)
    target_link_libraries(test_support PUBLIC CUnit::CUnit model_threads PRIVATE apmsock_compile)

    foreach(program IN LISTS programs programs_native)
        get_filename_component(name ${program} NAME)
        add_executable(${name}_test ${program}_test.c)
        target_link_libraries(${name}_test PRIVATE test_support apmsock_compile)
        test_modes(sim ${program} ${name}_test)
    endforeach()
endif()

# Seeds, in slices so that they run side by side. The seeded scheduler has one thread: nothing
# for ThreadSanitizer to see.
set(APMSOCK_SEEDS 2000 CACHE STRING "How many seeds the stress tests run")
set(schedulers threads seeded)
if(APMSOCK_SANITIZE MATCHES thread)
    set(schedulers threads)
endif()
foreach(scheduler IN LISTS schedulers)
    if(TARGET model_${scheduler} AND seeds_sources)
        add_executable(seeds_${scheduler} ${seeds_sources})
        target_link_libraries(seeds_${scheduler} PRIVATE model_${scheduler} apmsock_compile)
        math(EXPR slice "(${APMSOCK_SEEDS} + 3) / 4")
        foreach(index RANGE 3)
            math(EXPR from "1 + ${index} * ${slice}")
            test_entry(NAME seeds/${scheduler}/${from} LABELS seeds
                COMMAND seeds_${scheduler} --from ${from} --count ${slice})
        endforeach()
    endif()
endforeach()
