# SPDX-License-Identifier: MIT
# Fuzz targets, with Clang's libFuzzer: included where the compiler is Clang and AddressSanitizer is on.
# As a test each runs its corpus, and then so many inputs that are made from it, always the same; what
# fails is kept in the build directory. ci/soak runs them for longer.
test_model(model_fuzz seeded "APMI_PIECE=((size_t)64)" "APMI_FILE_PIECE=64u")
target_compile_options(model_fuzz PUBLIC -fsanitize=fuzzer-no-link)

# test_fuzz(name runs longest source...)
function(test_fuzz name runs longest)
    set(target fuzz_${name})
    set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name}")
    set(place "${CMAKE_CURRENT_BINARY_DIR}/fuzz/${name}")
    add_executable(${target} fuzz/${name}_fuzz.c ${ARGN})
    target_link_libraries(${target} PRIVATE model_fuzz apmsock_compile)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    # Named one by one: a directory would be written to.
    file(GLOB inputs CONFIGURE_DEPENDS "${corpus}/*")
    if(NOT inputs)
        message(FATAL_ERROR "${corpus} has no inputs")
    endif()
    file(MAKE_DIRECTORY "${place}")
    list(JOIN inputs "," inputs)
    file(WRITE "${place}.txt" "${inputs}")
    # Its own codes of failure are those of CTest's skipped tests.
    test_entry(NAME fuzz/${name} LABELS fuzz COMMAND ${target} -seed=1 -runs=${runs} -max_len=${longest} -timeout=60
        -error_exitcode=1 -timeout_exitcode=1 -print_final_stats=1 "-artifact_prefix=${place}/" "-seed_inputs=@${place}.txt")
endfunction()

test_fuzz(arguments 400000 300 "${PROJECT_SOURCE_DIR}/win32/demo/arguments.c")
target_include_directories(fuzz_arguments PRIVATE "${PROJECT_SOURCE_DIR}/win32/demo")
test_fuzz(buffers 30000 800)
test_fuzz(endpoint 350000 100)
test_fuzz(error 400000 16)
test_fuzz(log 100000 700)
test_fuzz(option 1000 300)
test_fuzz(program 500 600 ${stress_sources})
test_fuzz(script 200000 1000 ${stress_sources})
test_fuzz(transfer 1800 300 fuzz/transfer_refusals.c)
