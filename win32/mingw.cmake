# SPDX-License-Identifier: MIT
# What the toolchain files share. APMSOCK_TRIPLET names the target, APMSOCK_CLANG the compiler.
set(CMAKE_SYSTEM_NAME Windows)
if(APMSOCK_TRIPLET MATCHES "^x86_64")
    set(CMAKE_SYSTEM_PROCESSOR AMD64)
else()
    set(CMAKE_SYSTEM_PROCESSOR x86)
endif()

# Debian has GCC with two kinds of threads; the one with the system's own needs no further DLL.
find_program(APMSOCK_GCC NAMES ${APMSOCK_TRIPLET}-gcc-win32 ${APMSOCK_TRIPLET}-gcc REQUIRED)
mark_as_advanced(APMSOCK_GCC)
if(APMSOCK_CLANG)
    set(CMAKE_C_COMPILER clang)
    set(CMAKE_C_COMPILER_TARGET ${APMSOCK_TRIPLET})
    # Clang does not know every distribution's place for GCC's own libraries.
    execute_process(COMMAND ${APMSOCK_GCC} -print-libgcc-file-name OUTPUT_VARIABLE apmsock_libgcc
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    get_filename_component(apmsock_libgcc "${apmsock_libgcc}" DIRECTORY)
    foreach(kind EXE SHARED MODULE)
        set(CMAKE_${kind}_LINKER_FLAGS_INIT "-fuse-ld=lld -L${apmsock_libgcc}")
    endforeach()
    # C++ is for tests only, and over GCC's library, if that is there.
    if(EXISTS "${apmsock_libgcc}/include/c++")
        set(CMAKE_CXX_COMPILER clang++)
        set(CMAKE_CXX_COMPILER_TARGET ${APMSOCK_TRIPLET})
        set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES "${apmsock_libgcc}/include/c++"
            "${apmsock_libgcc}/include/c++/${APMSOCK_TRIPLET}" "${apmsock_libgcc}/include/c++/backward")
    endif()
else()
    set(CMAKE_C_COMPILER ${APMSOCK_GCC})
    string(REGEX REPLACE "gcc([^/]*)$" "g++\\1" apmsock_gxx "${APMSOCK_GCC}")
    if(EXISTS "${apmsock_gxx}")
        set(CMAKE_CXX_COMPILER ${apmsock_gxx})
    endif()
endif()
set(CMAKE_RC_COMPILER ${APMSOCK_TRIPLET}-windres)

# Besides what the caller names.
list(APPEND CMAKE_FIND_ROOT_PATH /usr/${APMSOCK_TRIPLET})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

include(${CMAKE_CURRENT_LIST_DIR}/emulator.cmake)
