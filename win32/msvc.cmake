# SPDX-License-Identifier: MIT
# What MSVC compiles and links with, and Clang in its place (clang-cl).
if(CMAKE_C_COMPILER_ID STREQUAL "MSVC")
    if(MSVC_VERSION LESS 1938)
        message(FATAL_ERROR "C11 atomics need Visual Studio 2022 version 17.8 or later")
    endif()
    target_compile_options(apmsock_compile INTERFACE $<$<COMPILE_LANGUAGE:C>:/experimental:c11atomics>)
endif()

# What level 4 says of C11 itself: conditions that are constant (4127), flexible arrays (4200),
# initialisers with variables (4204, 4221), functions of a DLL in tables (4232).
target_compile_options(apmsock_compile INTERFACE /W4 /wd4127 /wd4200 /wd4204 /wd4221 /wd4232 /utf-8
    $<$<BOOL:${APMSOCK_WERROR}>:/WX>)
target_compile_definitions(apmsock_compile INTERFACE _CRT_SECURE_NO_WARNINGS)
target_link_options(apmsock_compile INTERFACE /Brepro /INCREMENTAL:NO)

if(APMSOCK_SANITIZE)
    if(NOT APMSOCK_SANITIZE STREQUAL "address")
        message(FATAL_ERROR "MSVC has -fsanitize=address only, not ${APMSOCK_SANITIZE}")
    endif()
    # Objects name the run-time's libraries themselves.
    target_compile_options(apmsock_compile INTERFACE /fsanitize=address /Zi)
endif()
