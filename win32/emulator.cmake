# SPDX-License-Identifier: MIT
# What runs Windows programs on other systems: the loader itself, since Debian's wrapper around it
# talks on stderr.
find_program(APMSOCK_WINE NAMES wine64 wine HINTS /usr/lib/wine)
mark_as_advanced(APMSOCK_WINE)
if(APMSOCK_WINE)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${APMSOCK_WINE})
endif()
