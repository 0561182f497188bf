#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whether suite.py says what came of a test: with programs that are scripts of the shell."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

SUITE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "suite.py")


class Suite(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.tests = []

    def add(self, name, script, **more):
        path = os.path.join(self.place.name, name + ".exe")
        with open(path, "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\n" + script + "\n")
        os.chmod(path, 0o755)
        self.tests.append({"name": name, "program": name + ".exe", "arguments": [], "environment": {}, "timeout": 60,
                           "skip": 77, "bad": ["err:heap"], **more})

    def run_suite(self, *arguments):
        with open(os.path.join(self.place.name, "tests.json"), "w", encoding="utf-8") as out:
            json.dump(self.tests, out)
        return subprocess.run([sys.executable, SUITE, "run", self.place.name, *arguments], capture_output=True,
                              text=True, timeout=60, check=False)

    def expect(self, code, last, *arguments):
        done = self.run_suite(*arguments)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (code, last), done.stdout + done.stderr)
        return done.stdout

    def test_all_that_passes_passes(self):
        self.add("good", '[ "$1 $APMTEST_WORKERS" = "suite 1" ]', arguments=["suite"],
                 environment={"APMTEST_WORKERS": "1"})
        self.add("absent", "exit 77")
        self.expect(0, "1 passed, 0 failed, 1 skipped")

    def test_nothing_that_passed_is_a_failure(self):
        self.add("absent", "exit 77")
        self.expect(1, "0 passed, 0 failed, 1 skipped")
        self.expect(1, "0 passed, 0 failed, 0 skipped", "--only", "^none$")

    def test_a_code_is_a_failure(self):
        self.add("good", "true")
        self.add("bad", "echo why it was; exit 3")
        self.assertIn("why it was", self.expect(1, "1 passed, 1 failed, 0 skipped"))
        self.expect(0, "1 passed, 0 failed, 0 skipped", "--only", "^good$")

    def test_a_text_is_a_failure(self):
        self.add("good", "true")
        self.add("heap", "echo err:heap:it")
        self.expect(1, "1 passed, 1 failed, 0 skipped")

    def test_what_takes_too_long_is_a_failure(self):
        self.add("good", "true")
        self.add("late", "exec sleep 50", timeout=0.5)
        self.assertIn("took longer than 0.5 s", self.expect(1, "1 passed, 1 failed, 0 skipped"))

    def test_what_does_not_start_is_a_failure(self):
        self.add("good", "true")
        self.add("gone", "true")
        os.remove(os.path.join(self.place.name, "gone.exe"))
        self.expect(1, "1 passed, 1 failed, 0 skipped")

    def test_the_report_says_the_same(self):
        self.add("good", "true")
        self.add("bad", "printf '\\033<&'; exit 1")
        self.add("absent", "exit 77")
        path = os.path.join(self.place.name, "report.xml")
        self.run_suite("--junit", path)
        root = xml.parse(path).getroot()
        self.assertEqual([root.get(name) for name in ("tests", "failures", "skipped")], ["3", "1", "1"])
        self.assertEqual(root.find("testcase[@name='bad']/system-out").text, "?<&")


if __name__ == "__main__":
    unittest.main()
