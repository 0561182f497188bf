# SPDX-License-Identifier: MIT
# What is installed, and the zip that CPack makes of it. Every path is relative: the prefix can be
# moved.
include(CMakePackageConfigHelpers)
configure_package_config_file(win32/apmsockConfig.cmake.in apmsockConfig.cmake
    INSTALL_DESTINATION lib/cmake/apmsock NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0 a minor version may change what an earlier one promised.
set(apmsock_compatibility SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(apmsock_compatibility SameMinorVersion)
endif()
write_basic_package_version_file(apmsockConfigVersion.cmake COMPATIBILITY ${apmsock_compatibility})

set(apmsock_installed "")
if(APMSOCK_SHARED)
    list(APPEND apmsock_installed apmsock)
endif()
if(APMSOCK_STATIC)
    list(APPEND apmsock_installed apmsock_static)
endif()
if(NOT apmsock_installed)
    message(FATAL_ERROR "APMSOCK_SHARED and APMSOCK_STATIC are both off: nothing is left to install.")
endif()

# With -lapmsock a linker takes the DLL where there is one, and the static library with -static. Where
# there is none, what the static library needs is needed by everyone.
set(apmsock_pc_name apmsock)
set(apmsock_pc_libs "")
set(apmsock_pc_private "-lws2_32 -lsynchronization")
if(NOT APMSOCK_SHARED)
    set(apmsock_pc_libs " ${apmsock_pc_private}")
    set(apmsock_pc_private "")
    if(NOT MINGW)
        set(apmsock_pc_name apmsock_static)
    endif()
endif()
configure_file(win32/apmsock.pc.in apmsock.pc @ONLY)

install(TARGETS ${apmsock_installed} EXPORT apmsockTargets
    RUNTIME DESTINATION bin LIBRARY DESTINATION lib ARCHIVE DESTINATION lib)
install(EXPORT apmsockTargets NAMESPACE apmsock:: DESTINATION lib/cmake/apmsock)
install(FILES "${PROJECT_BINARY_DIR}/apmsockConfig.cmake" "${PROJECT_BINARY_DIR}/apmsockConfigVersion.cmake"
    DESTINATION lib/cmake/apmsock)
install(FILES "${PROJECT_BINARY_DIR}/apmsock.pc" DESTINATION lib/pkgconfig)
install(DIRECTORY include/apmsock DESTINATION include FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES LICENSE DESTINATION share/licenses/apmsock)
install(FILES README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md DESTINATION share/doc/apmsock)
install(DIRECTORY docs DESTINATION share/doc/apmsock FILES_MATCHING PATTERN "*.md" PATTERN "*.svg")
if(APMSOCK_SHARED)
    if(TARGET apmsock_import)
        install(FILES "${PROJECT_BINARY_DIR}/lib/apmsock.lib" DESTINATION lib)
    endif()
    if(TARGET apmdemo)
        install(TARGETS apmdemo RUNTIME DESTINATION bin)
    endif()
endif()

# The zip: what is installed, in one folder. ci/package makes its bytes the same each time.
if(apmsock_alone)
    set(apmsock_architecture x64)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(ARM64|aarch64)$" OR CMAKE_C_COMPILER_ARCHITECTURE_ID STREQUAL "ARM64")
        set(apmsock_architecture arm64)
    elseif(CMAKE_SIZEOF_VOID_P EQUAL 4)
        set(apmsock_architecture x86)
    endif()
    set(CPACK_GENERATOR ZIP)
    set(CPACK_PACKAGE_VENDOR "apmsock contributors")
    set(CPACK_PACKAGE_FILE_NAME "apmsock-${PROJECT_VERSION}-windows-${apmsock_architecture}")
    set(CPACK_STRIP_FILES ON)
    set(CPACK_VERBATIM_VARIABLES ON)
    include(CPack)
endif()
