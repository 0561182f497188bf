# SPDX-License-Identifier: MIT
"""The program under test, for demo_test.py and get_test.py: how it is run, and what it left."""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import unittest

LONGEST_RUN = 60  # seconds; a run that takes longer hangs
SLACK = 15.0  # seconds that a busy machine may add to a timeout

# Wine's words about a program that ends while others of its threads wait or ask its server, as a get does on purpose:
# Wine 10 has one of them in one run of fifteen, for a program with nothing but eight threads that wait on a port. Wine 8
# has the other when the server ends a thread in the middle of a question, and the end of the process may cut it short.
LAST_WORDS = re.compile(rb"^(?:[0-9a-f]+:err:virtual:virtual_setup_exception nested exception on signal stack "
                        rb"|wine client error:[0-9a-f]+: ).*(?:\n|\Z)", re.M)

exe = ""
emulator = []


def environment():
    """Wine's own messages are not the demo's, and its debugger would hide a crash."""
    result = dict(os.environ)
    result.setdefault("WINEDEBUG", "-all")
    result.setdefault("WINEDLLOVERRIDES", "mscoree,mshtml=;winedbg.exe=d")
    result["LC_ALL"] = "C.UTF-8"  # how Wine reads the arguments
    return result


def command(*arguments):
    return [*emulator, exe, *arguments]


class Outcome:
    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    def __str__(self):
        return (f"exit code {self.code} after {self.seconds:.1f} s, stdout {len(self.out)} bytes {self.out[:300]!r}, "
                f"stderr {self.err!r}")


class Run:
    """A run that goes on. Output goes to files: helpers of Wine's would keep a pipe open."""

    def __init__(self, *arguments, cwd=None, stdin=None, stdout=None, wrapper=()):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [*wrapper, *command(*arguments)], stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout or self.out, stderr=self.err, cwd=cwd, env=environment())

    def is_over(self):
        return self.process.poll() is not None

    def finish(self):
        with self.out, self.err:
            try:
                code = self.process.wait(LONGEST_RUN)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                code = f"none, killed after {LONGEST_RUN} s"
            seconds = time.monotonic() - self.started
            self.out.seek(0)
            self.err.seek(0)
            err = self.err.read()
            if emulator:
                err = LAST_WORDS.sub(b"", err)
            return Outcome(code, self.out.read(), err, seconds)


def run(*arguments, **more):
    return Run(*arguments, **more).finish()


class ProgramTest(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, content, name="message.bin"):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(content)
        return name

    def assert_failure(self, outcome, pattern, lines=0, code=1):
        """One line on stderr that matches, and only so many lines of output."""
        self.assertEqual(outcome.code, code, outcome)
        self.assertEqual(outcome.out.count(b"\n"), lines, outcome)
        error = outcome.err.decode()
        self.assertEqual(error.count("\n"), 1, outcome)
        self.assertRegex(error, "^apmdemo: " + pattern + "\n$", outcome)


def main(description):
    global exe, emulator
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exe", default=os.environ.get("APMDEMO_EXE", ""), help="apmdemo.exe")
    parser.add_argument("--wine", default=os.environ.get("APMDEMO_WINE", ""), help="the emulator's command")
    options, rest = parser.parse_known_args()
    exe = os.path.abspath(options.exe)
    emulator = shlex.split(options.wine)
    if not options.exe or not os.path.isfile(exe):
        sys.exit(f"FAILED: there is no program {options.exe!r} to test")
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
