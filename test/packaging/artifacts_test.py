# SPDX-License-Identifier: MIT
"""What ci/package has made, and the recipes: artifacts_test.py DIRECTORY

NuGet, vcpkg and Conan are not run: their files are looked at.
"""
import ast
import hashlib
import json
import os
import re
import struct
import sys
import unittest
import xml.etree.ElementTree as xml
import zipfile

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PACKAGES = ""
MACHINES = {"x64": 0x8664, "x86": 0x14C}


def source(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def names(*path):
    return sorted(os.listdir(os.path.join(ROOT, *path)))


VERSION = re.search(r'^#define APM_VERSION "([0-9.]+)"$', source("include", "apmsock", "library.h"), re.M).group(1)
HEADERS = [name for name in names("include", "apmsock") if name.endswith((".h", ".hpp"))]


def contents(name):
    """The files of a zip, by their names, each of which is there once."""
    with zipfile.ZipFile(os.path.join(PACKAGES, name)) as archive:
        listed = archive.namelist()
        assert len(listed) == len(set(listed)), listed
        return {each: archive.read(each) for each in listed}


def machine(image):
    """What an executable file is for."""
    return struct.unpack_from("<H", image, struct.unpack_from("<I", image, 0x3C)[0] + 4)[0]


class Zip(unittest.TestCase):
    def test_contents(self):
        for architecture in MACHINES:
            top = f"apmsock-{VERSION}-windows-{architecture}/"
            expected = {"bin/apmsock.dll", "bin/apmdemo.exe", "lib/apmsock.lib", "lib/libapmsock.a",
                        "lib/libapmsock.dll.a", "lib/pkgconfig/apmsock.pc", "share/licenses/apmsock/LICENSE"}
            expected |= {f"lib/cmake/apmsock/{name}.cmake" for name in (
                "apmsockConfig", "apmsockConfigVersion", "apmsockTargets", "apmsockTargets-relwithdebinfo")}
            expected |= {f"include/apmsock/{name}" for name in HEADERS}
            expected |= {f"share/doc/apmsock/{name}" for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md",
                                                                       "SECURITY.md")}
            expected |= {f"share/doc/apmsock/docs/{name}" for name in names("docs") if name.endswith((".md", ".svg"))}
            found = contents(top[:-1] + ".zip")
            self.assertEqual({top + name for name in expected}, set(found))
            for name in HEADERS:
                self.assertEqual(source("include", "apmsock", name).encode(), found[top + "include/apmsock/" + name])

    def test_binaries(self):
        for architecture, expected in MACHINES.items():
            top = f"apmsock-{VERSION}-windows-{architecture}"
            found = contents(top + ".zip")
            for name, inside in (("apmsock.dll", "apmsock"), ("apmdemo.exe", "apmdemo")):
                image = found[f"{top}/bin/{name}"]
                self.assertEqual(expected, machine(image))
                # The resource's strings: key, padding, value.
                for key, value in (("FileVersion", VERSION), ("ProductVersion", VERSION),
                                   ("OriginalFilename", name), ("InternalName", inside)):
                    text = (key + "\0").encode("utf-16-le") + b"(?:\0\0)?" + re.escape((value + "\0").encode("utf-16-le"))
                    self.assertIsNotNone(re.search(text, image), f"{name}: {key}")
                self.assertNotIn(b".debug_info", image, f"{name} is not stripped")


class NuGet(unittest.TestCase):
    def setUp(self):
        self.found = contents(f"apmsock.{VERSION}.nupkg")

    def test_contents(self):
        expected = {"[Content_Types].xml", "_rels/.rels", "apmsock.nuspec", "LICENSE", "README.md",
                    "build/native/apmsock.targets", "build/native/lib/x64/apmsock.lib",
                    "build/native/lib/Win32/apmsock.lib", "runtimes/win-x64/native/apmsock.dll",
                    "runtimes/win-x86/native/apmsock.dll",
                    "package/services/metadata/core-properties/apmsock.psmdcp"}
        self.assertEqual(expected | {"build/native/include/apmsock/" + name for name in HEADERS}, set(self.found))
        for runtime, architecture in (("win-x64", "x64"), ("win-x86", "x86")):
            image = self.found[f"runtimes/{runtime}/native/apmsock.dll"]
            self.assertEqual(MACHINES[architecture], machine(image))
            top = f"apmsock-{VERSION}-windows-{architecture}"
            self.assertEqual(contents(top + ".zip")[top + "/bin/apmsock.dll"], image)

    def test_import_libraries(self):
        for platform, architecture in (("x64", "x64"), ("Win32", "x86")):
            library = self.found[f"build/native/lib/{platform}/apmsock.lib"]
            self.assertEqual(b"!<arch>\n", library[:8])
            # A short import: two fixed words, the version, the machine.
            self.assertIn(struct.pack("<HHHH", 0, 0xFFFF, 0, MACHINES[architecture]), library)
            for other in set(MACHINES.values()) - {MACHINES[architecture]}:
                self.assertNotIn(struct.pack("<HHHH", 0, 0xFFFF, 0, other), library)

    def test_manifest(self):
        space = "{http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd}"
        metadata = xml.fromstring(self.found["apmsock.nuspec"]).find(space + "metadata")
        text = {each.tag[len(space):]: each.text for each in metadata}
        self.assertEqual(("apmsock", VERSION), (text["id"], text["version"]))
        self.assertTrue(text["authors"] and text["description"])
        self.assertNotIn("@", "".join(value or "" for value in text.values()))
        self.assertIn(text["license"], self.found)
        self.assertIn(text["readme"], self.found)

    def test_container(self):
        targets = [each.get("Target") for each in xml.fromstring(self.found["_rels/.rels"])]
        self.assertEqual(2, len(targets))
        for target in targets:
            self.assertIn(target.lstrip("/"), self.found)
        types = xml.fromstring(self.found["[Content_Types].xml"])
        extensions = {each.get("Extension") for each in types}
        parts = {each.get("PartName") for each in types}
        for name in self.found:
            if name != "[Content_Types].xml":
                known = name.rsplit("/", 1)[-1].rpartition(".")[2] in extensions or "/" + name in parts
                self.assertTrue(known, f"{name} has no content type")

    def test_targets(self):
        """Each path that the project file names is in the package, for both platforms."""
        text = self.found["build/native/apmsock.targets"].decode()
        xml.fromstring(text)
        runtimes = dict(re.findall(r"'\$\(Platform\)' == '(\w+)'\">([\w-]+)</ApmsockRuntime>", text))
        self.assertEqual({"x64": "win-x64", "Win32": "win-x86"}, runtimes)
        paths = re.findall(r"\$\(MSBuildThisFileDirectory\)([^;\"<]+)", text)
        self.assertEqual(3, len(paths))
        for platform, runtime in runtimes.items():
            for path in paths:
                path = path.replace("$(Platform)", platform).replace("$(ApmsockRuntime)", runtime).replace("\\", "/")
                path = os.path.normpath(os.path.join("build/native", path))
                self.assertTrue(any(name == path or name.startswith(path + "/") for name in self.found), path)


class Source(unittest.TestCase):
    def test_sum(self):
        recipe = os.path.join(PACKAGES, "msys2", "PKGBUILD")
        with open(recipe, encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn("@VERSION@", text)
        with open(os.path.join(PACKAGES, "msys2", f"apmsock-{VERSION}.tar.gz"), "rb") as file:
            self.assertIn(f"sha256sums=('{hashlib.sha256(file.read()).hexdigest()}')", text)
        self.assertIn(f"\npkgver={VERSION}\n", text)


class Recipes(unittest.TestCase):
    """What can be said of the recipes whose tools are not here."""

    def test_options(self):
        known = set(re.findall(r"^option\((APMSOCK_\w+)", source("CMakeLists.txt"), re.M))
        for path in (("conan", "conanfile.py"), ("vcpkg", "apmsock", "portfile.cmake"), ("msys2", "PKGBUILD.in")):
            used = set(re.findall(r"(?:-D|variables\[\")(APMSOCK_\w+)", source("ci", "packaging", *path)))
            self.assertTrue(used, path)
            self.assertEqual(set(), used - known, path)

    def test_vcpkg(self):
        port = json.loads(source("ci", "packaging", "vcpkg", "apmsock", "vcpkg.json"))
        self.assertEqual(("apmsock", VERSION, "MIT"), (port["name"], port["version-semver"], port["license"]))

    def test_conan(self):
        ast.parse(source("ci", "packaging", "conan", "conanfile.py"))


if __name__ == "__main__":
    PACKAGES = sys.argv.pop(1)
    unittest.main()
