# SPDX-License-Identifier: MIT
# 32-bit Windows from Linux, with mingw-w64's GCC.
set(APMSOCK_TRIPLET i686-w64-mingw32)
include("${CMAKE_CURRENT_LIST_DIR}/mingw.cmake")
