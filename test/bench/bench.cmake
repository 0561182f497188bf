# SPDX-License-Identifier: MIT
# The bench: how fast the library is, next to the least that a client of a completion port can do
# and to other libraries. `ci/bench` measures. Here each workload runs for a few operations: it
# has to do what it says, however long it takes.
set(APMSOCK_BENCH_PEERS "" CACHE PATH "Where ci/bench has built other libraries; empty: without them")

find_package(Python3 COMPONENTS Interpreter)
set(bench_server "")
if(NOT WIN32)
    add_executable(bench_server bench/server.c)
    target_compile_definitions(bench_server PRIVATE _GNU_SOURCE)
    target_include_directories(bench_server PRIVATE support)
    target_link_libraries(bench_server PRIVATE apmsock_compile)
    if(Python3_Interpreter_FOUND)
        test_entry(NAME bench/server LABELS bench COMMAND "${Python3_EXECUTABLE}"
            "${CMAKE_CURRENT_SOURCE_DIR}/bench/server_test.py" --server $<TARGET_FILE:bench_server>)
        test_entry(NAME bench/session LABELS bench COMMAND "${Python3_EXECUTABLE}"
            "${CMAKE_CURRENT_SOURCE_DIR}/bench/session_test.py" --server $<TARGET_FILE:bench_server>)
        test_entry(NAME bench/report LABELS bench COMMAND "${Python3_EXECUTABLE}"
            "${CMAKE_CURRENT_SOURCE_DIR}/bench/report_test.py")
    endif()
    include(bench/cost.cmake)
    return()
endif()

add_library(bench_client STATIC bench/bench.c)
target_include_directories(bench_client PUBLIC bench PRIVATE support)
target_link_libraries(bench_client PUBLIC ws2_32 psapi PRIVATE apmsock_compile)

add_executable(floor_iocp bench/floor_iocp.c)
target_link_libraries(floor_iocp PRIVATE bench_client apmsock_compile)
add_executable(apmbench bench/apmbench.c)
target_link_libraries(apmbench PRIVATE bench_client apmsock apmsock_compile)

set(bench_clients floor_iocp apmbench)

# Others' headers are not held to the project's warnings.
if(APMSOCK_BENCH_PEERS)
    enable_language(CXX)
    set(bench_windows psapi user32 advapi32 iphlpapi userenv dbghelp ole32 shell32 mswsock)

    add_executable(peer_libuv bench/peer_libuv.c)
    target_include_directories(peer_libuv PRIVATE "${APMSOCK_BENCH_PEERS}/uv/include")
    target_link_libraries(peer_libuv PRIVATE bench_client "${APMSOCK_BENCH_PEERS}/lib/libuv.a" ${bench_windows})

    add_executable(peer_nng bench/peer_nng.c)
    target_compile_definitions(peer_nng PRIVATE NNG_STATIC_LIB)
    target_include_directories(peer_nng PRIVATE "${APMSOCK_BENCH_PEERS}/nng/include")
    target_link_libraries(peer_nng PRIVATE bench_client "${APMSOCK_BENCH_PEERS}/lib/libnng.a" ${bench_windows})

    add_executable(peer_asio bench/peer_asio.cpp)
    target_compile_features(peer_asio PRIVATE cxx_std_17)
    target_compile_definitions(peer_asio PRIVATE ASIO_STANDALONE)
    target_include_directories(peer_asio PRIVATE "${APMSOCK_BENCH_PEERS}/asio/usr/include")
    target_link_libraries(peer_asio PRIVATE bench_client mswsock)
    target_link_options(peer_asio PRIVATE -static)

    list(APPEND bench_clients peer_libuv peer_nng peer_asio)
endif()

# The server is a Linux program also where all else is for Windows.
find_program(APMSOCK_HOST_CC NAMES cc gcc clang DOC "The compiler for programs of this machine")
mark_as_advanced(APMSOCK_HOST_CC)
if(CMAKE_HOST_SYSTEM_NAME STREQUAL "Linux" AND APMSOCK_HOST_CC)
    set(bench_server "${PROJECT_BINARY_DIR}/bin/bench_server")
    add_custom_command(OUTPUT "${bench_server}" VERBATIM
        COMMAND ${APMSOCK_HOST_CC} -std=c11 -O2 -D_GNU_SOURCE -I "${CMAKE_CURRENT_SOURCE_DIR}/support"
            "${CMAKE_CURRENT_SOURCE_DIR}/bench/server.c" -o "${bench_server}"
        DEPENDS bench/server.c support/number.h COMMENT "Building the bench's server for this machine")
    add_custom_target(bench_server ALL DEPENDS "${bench_server}")
endif()
add_custom_target(bench DEPENDS ${bench_clients})
if(TARGET bench_server)
    add_dependencies(bench bench_server)
endif()

if(bench_server AND Python3_Interpreter_FOUND AND CMAKE_CROSSCOMPILING_EMULATOR)
    foreach(client IN LISTS bench_clients)
        test_entry(NAME bench/${client} LABELS bench COMMAND "${Python3_EXECUTABLE}"
            "${CMAKE_CURRENT_SOURCE_DIR}/bench/workload_test.py" --client $<TARGET_FILE:${client}>
            --server "${bench_server}" --wine "${CMAKE_CROSSCOMPILING_EMULATOR}")
    endforeach()
endif()
