# SPDX-License-Identifier: MIT
# Sockets full of operations: for half a minute on a real kernel, shorter on the simulated one,
# and for longer by ci/soak.
if(WIN32)
    set(seconds 30)
else()
    set(seconds 10)
endif()
set(APMSOCK_ENDURANCE ${seconds} CACHE STRING "For how many seconds the endurance program runs as a test")

# test_endurance(target support name profile...)
function(test_endurance target support name)
    add_executable(${target} endurance/endurance.c endurance/slot.c)
    target_link_libraries(${target} PRIVATE ${support} apmsock_compile)
    math(EXPR limit "${APMSOCK_ENDURANCE} + 240")
    test_entry(NAME ${name} LABELS endurance TIMEOUT ${limit} COMMAND ${target} --seconds ${APMSOCK_ENDURANCE}
        ENVIRONMENT APMTEST_SKIP= APMTEST_WORKERS=)
endfunction()

if(WIN32)
    # Only with the DLL: the static library has the same objects.
    test_endurance(endurance_dll test_support_dll dll/endurance)
else()
    test_endurance(endurance test_support sim/endurance)
endif()
