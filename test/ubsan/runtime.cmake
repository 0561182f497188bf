# SPDX-License-Identifier: MIT
# Included where APMSOCK_SANITIZE is set for mingw-w64, which has no run-time of
# -fsanitize=undefined: one of our own goes into whatever is linked. Other sanitizers do not link.
add_library(ubsan_runtime STATIC test/ubsan/handlers.c test/ubsan/report.c)
target_compile_options(ubsan_runtime PRIVATE ${apmsock_warnings} $<$<BOOL:${APMSOCK_WERROR}>:-Werror>)
set(ubsan_archive ubsan_runtime)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang") # its objects ask the linker for this name by themselves
    if(CMAKE_SIZEOF_VOID_P EQUAL 8)
        set(ubsan_archive libclang_rt.ubsan_standalone-x86_64)
    else()
        set(ubsan_archive libclang_rt.ubsan_standalone-i386)
    endif()
    target_link_options(apmsock_compile INTERFACE "-L${PROJECT_BINARY_DIR}/lib")
endif()
set_target_properties(ubsan_runtime PROPERTIES OUTPUT_NAME ${ubsan_archive}
    ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
target_link_libraries(apmsock_compile INTERFACE ubsan_runtime)
# And once more after everything else: what a static library needs is known only then.
string(PREPEND CMAKE_C_STANDARD_LIBRARIES "\"${PROJECT_BINARY_DIR}/lib/lib${ubsan_archive}.a\" ")
