# SPDX-License-Identifier: MIT
# What an operation takes in the steady state: counts in every build that has the seeded scheduler;
# instructions in one for that alone (ci/bench --instructions), where a change may lower the budget.
if(NOT TARGET model_seeded)
    return()
endif()

add_executable(operation_cost
    bench/operation_cost.c
    bench/cost_burst.c
    bench/cost_chain.c
    bench/cost_crowd.c)
target_link_libraries(operation_cost PRIVATE model_seeded apmsock_compile)
set(scenes send_at_once receive_at_once receive_later chain_at_once chain_later burst connect_and_close)
foreach(scene IN LISTS scenes ITEMS connect_and_send)
    test_entry(NAME bench/cost/${scene} LABELS bench COMMAND operation_cost ${scene} 320)
    test_entry(NAME bench/cost/${scene}/crowd LABELS bench COMMAND operation_cost ${scene} 320 2000)
endforeach()

find_program(APMSOCK_VALGRIND NAMES valgrind DOC "Valgrind, which counts instructions")
mark_as_advanced(APMSOCK_VALGRIND)
# Callgrind counts what is there: a sanitizer's instructions, too.
if(APMSOCK_VALGRIND AND Python3_Interpreter_FOUND AND APMSOCK_COUNT_INSTRUCTIONS)
    set(count_instructions "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/bench/cost.py"
        --program $<TARGET_FILE:operation_cost> --valgrind "${APMSOCK_VALGRIND}" --source "${PROJECT_SOURCE_DIR}/src"
        --compiler "GCC ${CMAKE_C_COMPILER_VERSION}"
        --budget "${CMAKE_CURRENT_SOURCE_DIR}/bench/budget.json" --scenes ${scenes})
    test_entry(NAME bench/instructions LABELS instructions COMMAND ${count_instructions})
    test_entry(NAME bench/scale LABELS instructions COMMAND operation_cost receive_later 1000 20000)
endif()
