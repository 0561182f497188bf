# SPDX-License-Identifier: MIT
"""Conan 2: `conan create ci/packaging/conan` builds the checkout that this file lies in."""
import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import collect_libs, copy, load, rmdir


class ApmsockConan(ConanFile):
    name = "apmsock"
    description = "The .NET Framework's asynchronous client socket as a native C library for Windows"
    license = "MIT"
    topics = ("socket", "async", "iocp", "windows")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def _checkout(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._checkout(), "include", "apmsock", "library.h"))
        self.version = re.search(r'^#define APM_VERSION "([0-9.]+)"', header, re.M).group(1)

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "*.md", "LICENSE", "docs/*", "include/*", "src/*", "win32/*"):
            copy(self, pattern, self._checkout(), self.export_sources_folder)

    def configure(self):
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def validate(self):
        if self.settings.os != "Windows":
            raise ConanInvalidConfiguration("apmsock is for Windows")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["APMSOCK_TESTS"] = False
        toolchain.cache_variables["APMSOCK_DEMO"] = False
        toolchain.cache_variables["APMSOCK_INSTALL"] = True
        toolchain.cache_variables["APMSOCK_SHARED"] = bool(self.options.shared)
        toolchain.cache_variables["APMSOCK_STATIC"] = not self.options.shared
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan makes its own of these.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "apmsock")
        self.cpp_info.set_property("pkg_config_name", "apmsock")
        if self.options.shared:
            self.cpp_info.set_property("cmake_target_name", "apmsock::apmsock")
            self.cpp_info.defines = ["APMSOCK_DLL"]
            self.cpp_info.libs = ["apmsock"]
        else:
            self.cpp_info.set_property("cmake_target_name", "apmsock::static")
            self.cpp_info.libs = collect_libs(self)  # apmsock or, where the import library has that name, apmsock_static
            self.cpp_info.system_libs = ["ws2_32", "synchronization"]
