# SPDX-License-Identifier: MIT
# 32-bit Windows from Linux, with Clang and LLD over the libraries of mingw-w64's GCC.
set(APMSOCK_TRIPLET i686-w64-mingw32)
set(APMSOCK_CLANG ON)
include("${CMAKE_CURRENT_LIST_DIR}/mingw.cmake")
