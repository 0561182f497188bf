#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether .github/workflows/ci.yml fits the tree: every command, preset and path that it names is there.

No YAML is needed for that: the file is read as lines, in the form in which it is written.
"""
import json
import os
import re
import unittest

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


WORKFLOW = read(".github", "workflows", "ci.yml")
PRESETS = json.loads(read("CMakePresets.json"))


def presets(kind):
    return {each["name"] for each in PRESETS[kind] if not each.get("hidden")}


class Workflow(unittest.TestCase):
    def test_commands_are_there(self):
        named = set(re.findall(r"\bci/[a-z]+\b", WORKFLOW))
        self.assertLessEqual({"ci/check", "ci/test", "ci/carry"}, named)
        for name in named:
            self.assertTrue(os.access(os.path.join(ROOT, name), os.X_OK), name)

    def test_scripts_are_there(self):
        named = re.findall(r"python (\S+\.py)", WORKFLOW)
        self.assertTrue(named)
        for name in named:
            self.assertTrue(os.path.isfile(os.path.join(ROOT, name)), name)

    def test_presets_are_there(self):
        named = set(re.findall(r"preset: ([a-z0-9-]+)", WORKFLOW))
        self.assertEqual({"windows-msvc-x64", "windows-msvc-x86", "windows-msvc-arm64", "windows-msvc-asan",
                          "msys2-ucrt64", "msys2-clang64"}, named)
        for kind in ("configurePresets", "buildPresets", "testPresets"):
            self.assertEqual(set(), named - presets(kind), kind)

    def test_every_windows_preset_is_run(self):
        windows = {name for name in presets("configurePresets") if name.startswith(("windows-", "msys2-"))}
        self.assertEqual(set(), windows - set(re.findall(r"preset: ([a-z0-9-]+)", WORKFLOW)))

    def test_what_is_taken_is_what_is_brought(self):
        brought = set(re.findall(r"upload-artifact@\S+\n\s+with:\n\s+name: ([a-z0-9-]+)\n", WORKFLOW))
        for name in ("tests-x64", "tests-x86", "cunit"):
            self.assertIn(name, brought)
        self.assertEqual({"tests-${{ matrix.target }}", "cunit"},
                         set(re.findall(r"download-artifact@\S+\n\s+with:\n\s+name: (.+)\n", WORKFLOW)))
        carry = read("ci", "carry")
        for place in re.findall(r"path: build/(carried/\S+)", WORKFLOW):
            self.assertTrue("carried/$target" in carry or place in carry, place)

    def test_it_may_do_little_and_ends(self):
        self.assertIn("permissions:\n  contents: read\n", WORKFLOW)
        jobs = WORKFLOW.split("\njobs:\n", 1)[1]
        names = re.findall(r"^  ([a-z0-9]+):$", jobs, re.M)
        self.assertEqual(len(names), len(re.findall(r"^    timeout-minutes: \d+$", jobs, re.M)))
        self.assertEqual(len(names), len(re.findall(r"^    runs-on: (?:ubuntu|windows)-latest$", jobs, re.M)))

    def test_actions_have_versions(self):
        actions = re.findall(r"uses: (\S+)", WORKFLOW)
        self.assertTrue(actions)
        for action in actions:
            self.assertRegex(action, r"^[a-z0-9-]+/[a-z0-9-]+@v\d+\.\d+\.\d+$")

    def test_form(self):
        self.assertNotIn("\t", WORKFLOW)
        for line in WORKFLOW.splitlines():
            self.assertEqual(0, (len(line) - len(line.lstrip(" "))) % 2, line)

    def test_documents_name_what_is_there(self):
        """The commands of docs/windows.md, too."""
        text = read("docs", "windows.md")
        named = set(re.findall(r"--preset ([a-z0-9-]+)", text))
        self.assertTrue(named)
        self.assertEqual(set(), named - presets("configurePresets"))
        for name in re.findall(r"\b((?:ci|test)/[a-z0-9_/]+(?:\.(?:py|sh))?)(?![a-z0-9_/.])", text):
            self.assertTrue(os.path.exists(os.path.join(ROOT, name)), name)


if __name__ == "__main__":
    unittest.main()
