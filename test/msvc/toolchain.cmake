# SPDX-License-Identifier: MIT
# As MSVC would build it, from Linux: Clang with MSVC's command line, language and binary interface
# (clang-cl), LLD, and Wine's headers and import libraries for Microsoft's (ci/lib/msvc.sh). No
# target of anybody's: it shows that the sources and these CMake files keep to what MSVC takes.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES APMSOCK_STAND_IN)
set(APMSOCK_STAND_IN "" CACHE PATH "What ci/lib/msvc.sh has laid out")

set(CMAKE_C_COMPILER "${APMSOCK_STAND_IN}/bin/clang-cl")
set(CMAKE_LINKER "${APMSOCK_STAND_IN}/bin/lld-link")
set(CMAKE_AR "${APMSOCK_STAND_IN}/bin/llvm-lib")
set(CMAKE_RC_COMPILER "${APMSOCK_STAND_IN}/bin/llvm-rc")
set(CMAKE_C_COMPILER_TARGET x86_64-pc-windows-msvc)
file(GLOB apmsock_clang_headers /usr/lib/llvm-*/lib/clang/*/include)
list(GET apmsock_clang_headers -1 apmsock_clang_headers)
set(apmsock_wine /usr/include/wine/wine)
# /GS needs what only MSVC's own start-up code has.
set(CMAKE_C_FLAGS_INIT "-fmsc-version=1938 /GS- /X -imsvc ${CMAKE_CURRENT_LIST_DIR} \
-imsvc ${apmsock_clang_headers} -imsvc ${apmsock_wine}/msvcrt -imsvc ${apmsock_wine}/windows")
set(CMAKE_RC_FLAGS_INIT "-I ${apmsock_wine}/windows -I ${apmsock_wine}/msvcrt")
set(apmsock_link "/MANIFEST:NO /NODEFAULTLIB /LIBPATH:${APMSOCK_STAND_IN}/lib startup.lib ucrtbase.lib ntdll.lib")
set(CMAKE_EXE_LINKER_FLAGS_INIT "/ENTRY:mainCRTStartup ${apmsock_link}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "${apmsock_link}")
set(CMAKE_MODULE_LINKER_FLAGS_INIT "${apmsock_link}")
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

include(${CMAKE_CURRENT_LIST_DIR}/../../win32/emulator.cmake)
