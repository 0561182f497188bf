# SPDX-License-Identifier: MIT
# Sockets full of operations: on a real kernel for half a minute in two runs, on each of the simulated
# ones for some seconds, and for longer by ci/soak.
if(WIN32)
    set(seconds 15)
else()
    set(seconds 4)
endif()
set(APMSOCK_ENDURANCE ${seconds} CACHE STRING "For how many seconds the endurance program runs in each of its tests")

# With the DLL only: the static library has the same objects.
set(program endurance)
set(support test_support)
if(WIN32)
    string(APPEND program _dll)
    string(APPEND support _dll)
endif()
add_executable(${program} endurance/census.c endurance/endurance.c endurance/slot.c)
target_link_libraries(${program} PRIVATE ${support} apmsock_compile)
math(EXPR limit "${APMSOCK_ENDURANCE} + 240")

# One run of it: endurance_entry(name profile argument...)
function(endurance_entry name profile)
    test_entry(NAME ${name} LABELS endurance TIMEOUT ${limit}
        COMMAND ${program} ${ARGN} --seconds ${APMSOCK_ENDURANCE}
        ENVIRONMENT APMTEST_SKIP= APMTEST_WORKERS= APMTEST_PROFILE=${profile})
endfunction()

if(WIN32)
    endurance_entry(dll/endurance "")
    endurance_entry(dll/endurance/lives "" --lives)
else()
    endurance_entry(sim/endurance "")
    endurance_entry(sim/endurance/lives "" --lives)
    foreach(profile wine hostile)
        endurance_entry(sim/endurance/${profile} ${profile})
    endforeach()
endif()
