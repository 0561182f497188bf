# SPDX-License-Identifier: MIT
# 64-bit Windows from Linux, with Clang and LLD over the libraries of mingw-w64's GCC.
set(APMSOCK_TRIPLET x86_64-w64-mingw32)
set(APMSOCK_CLANG ON)
include("${CMAKE_CURRENT_LIST_DIR}/mingw.cmake")
