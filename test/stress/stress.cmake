# SPDX-License-Identifier: MIT
# Random programs over the public interface, and scripts of them.

# A program without its main function: script.h runs it.
set(stress_sources
    stress/actor.c
    stress/addresses.c
    stress/await.c
    stress/blocking.c
    stress/call.c
    stress/check.c
    stress/check_letters.c
    stress/check_partings.c
    stress/convoy.c
    stress/fleet.c
    stress/gate.c
    stress/host.c
    stress/ledger.c
    stress/letter.c
    stress/log.c
    stress/misuse.c
    stress/parcel.c
    stress/poller.c
    stress/program.c
    stress/question.c
    stress/reach.c
    stress/script.c
    stress/script_text.c
    stress/setting.c
    stress/slot.c
    stress/tally.c
    stress/trail.c
    stress/weather.c)

# What shrinks them: with child processes.
set(shrink_sources stress/shrink.c stress/trial.c)

# The seeds of a scheduler, on each of the three kernels (sim.h).
function(test_seeds scheduler model count)
    add_executable(seeds_${scheduler} ${stress_sources} ${shrink_sources} stress/replay.c stress/seeds.c)
    target_link_libraries(seeds_${scheduler} PRIVATE ${model} apmsock_compile)
    math(EXPR half "${count} / 2")
    math(EXPR second "${half} + 1")
    foreach(profile windows wine hostile)
        foreach(from 1 ${second})
            test_entry(NAME seeds/${scheduler}/${profile}/${from} LABELS seeds
                COMMAND seeds_${scheduler} --profile ${profile} --from ${from} --count ${half})
        endforeach()
    endforeach()
endfunction()

# That a seed is the same run each time, where it has to be.
function(test_replays scheduler)
    foreach(profile windows wine hostile)
        test_entry(NAME replay/${scheduler}/${profile} LABELS seeds
            COMMAND seeds_${scheduler} --profile ${profile} --from 1 --count 100 --exactly)
    endforeach()
endfunction()

# Scripts that failed once, or while the library was broken on purpose: each says how.
set(stress_scripts
    byte_offset
    failed_start
    lane_order
    let_go
    lost_wake
    overtaking_end
    polled_port
    slow_losers)
function(test_scripts scheduler)
    foreach(script IN LISTS stress_scripts)
        test_entry(NAME script/${scheduler}/${script}
            COMMAND seeds_${scheduler} --script "${CMAKE_CURRENT_SOURCE_DIR}/stress/scripts/${script}.txt")
    endforeach()
endfunction()

# Text, bytes and shrinking of scripts, on the seeded scheduler.
function(test_script_itself)
    add_executable(script_test stress/script_test.c ${stress_sources} ${shrink_sources})
    target_link_libraries(script_test PRIVATE CUnit::CUnit model_seeded apmsock_compile)
    test_entry(NAME sim/script COMMAND script_test)
endfunction()
