# SPDX-License-Identifier: MIT
# The C++ headers: their suites as C++17 and as C++20, with each kind of the library.
set(cxx_programs cxx cxx_callback)

# A toolchain file names its own; what would be found otherwise is this machine's.
if(NOT CMAKE_CROSSCOMPILING)
    include(CheckLanguage)
    check_language(CXX)
endif()
if(NOT CMAKE_CXX_COMPILER)
    message(WARNING "No C++ compiler: the C++ headers are not tested.")
    return()
endif()
enable_language(CXX)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

# What the C sources are compiled with, as far as it is for C++.
add_library(cxx_compile INTERFACE)
if(MSVC)
    target_compile_options(cxx_compile INTERFACE /W4 /utf-8 /EHsc /Zc:__cplusplus $<$<BOOL:${APMSOCK_WERROR}>:/WX>)
else()
    target_compile_options(cxx_compile INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
        -Wundef -Wcast-qual -Wcast-align -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference
        $<$<BOOL:${APMSOCK_WERROR}>:-Werror>)
    if(apmsock_sanitize AND NOT MINGW) # the run-time of the tests is for C
        target_compile_options(cxx_compile INTERFACE ${apmsock_sanitize} -fno-omit-frame-pointer -g)
        target_link_options(cxx_compile INTERFACE ${apmsock_sanitize})
    endif()
    if(MINGW)
        target_compile_options(cxx_compile INTERFACE "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.")
        # The run-time of C++ within: no program needs a DLL of the compiler's.
        target_link_options(cxx_compile INTERFACE -static -Wl,--no-insert-timestamp)
    endif()
endif()

# test_cxx(kind support): the programs with one kind of the library.
function(test_cxx kind support)
    foreach(standard 17 20)
        foreach(program IN LISTS cxx_programs)
            set(target ${program}_${standard}_${kind})
            add_executable(${target} foreign/${program}_test.cpp)
            set_target_properties(${target} PROPERTIES CXX_STANDARD ${standard})
            target_link_libraries(${target} PRIVATE ${support} cxx_compile)
            find_suites(suites ${kind} "${CMAKE_CURRENT_SOURCE_DIR}/foreign/${program}_test.cpp")
            foreach(suite IN LISTS suites)
                test_entry(NAME ${kind}/cxx${standard}/${suite} LABELS cxx COMMAND ${target} ${suite}
                    ENVIRONMENT APMTEST_SKIP= APMTEST_WORKERS=)
                if(standard EQUAL 17 AND NOT kind STREQUAL "static")
                    test_entry(NAME ${kind}/cxx${standard}/${suite}/one-worker LABELS cxx COMMAND ${target} ${suite}
                        ENVIRONMENT APMTEST_SKIP=off APMTEST_WORKERS=1)
                endif()
            endforeach()
        endforeach()
    endforeach()
    add_executable(cxx_throw_${kind} foreign/cxx_throw.cpp)
    set_target_properties(cxx_throw_${kind} PROPERTIES CXX_STANDARD 17)
    target_link_libraries(cxx_throw_${kind} PRIVATE ${support} cxx_compile)
    foreach(way 0 1 2)
        test_entry(NAME ${kind}/cxx_throw/${way} LABELS cxx COMMAND cxx_throw_${kind} ${way})
    endforeach()
endfunction()

if(WIN32)
    test_cxx(dll test_support_dll)
    test_cxx(static test_support_static)
else()
    test_cxx(sim test_support)
endif()
