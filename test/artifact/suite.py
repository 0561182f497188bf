#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Carries the test programs of a cross build to Windows and runs them there as they are.

pack  writes down what CTest would start, and copies the programs: needs CMake and a build directory.
run   starts that again: needs Python only. On Linux, --wine names Wine's loader.

A test that is a script of this repository, or needs the network of Linux, is not carried.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

LIST = "tests.json"


def properties_of(test):
    return {item["name"]: item["value"] for item in test.get("properties", [])}


def pack(build, target):
    listed = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True)
    programs = os.path.realpath(os.path.join(build, "bin"))
    carried, left = [], 0
    for test in json.loads(listed.stdout)["tests"]:
        # The emulator stands before the program where there is one.
        command = test.get("command", [])
        place = next((i for i in (0, 1) if i < len(command) and command[i].endswith(".exe")
                      and os.path.dirname(os.path.realpath(command[i])) == programs), None)
        if place is None:
            left += 1
            continue
        known = properties_of(test)
        carried.append({
            "name": test["name"],
            "program": os.path.basename(command[place]),
            "arguments": command[place + 1:],
            "environment": dict(entry.split("=", 1) for entry in known.get("ENVIRONMENT", [])
                                if not entry.startswith("WINE")),
            "timeout": known.get("TIMEOUT", 300),
            "skip": known.get("SKIP_RETURN_CODE"),
            "bad": known.get("FAIL_REGULAR_EXPRESSION", []),
        })
    if not carried:
        sys.exit(f"suite: no test of {build} starts a program of its bin")
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    for name in sorted(os.listdir(programs)):
        if name.endswith((".exe", ".dll")):
            shutil.copy2(os.path.join(programs, name), target)
    with open(os.path.join(target, LIST), "w", encoding="utf-8") as out:
        json.dump(carried, out, indent=1)
    print(f"{len(carried)} tests packed, {left} left out")


def run_one(directory, test, wine):
    """Returns what came of it (passed, failed or skipped), why, the output and the seconds."""
    command = [os.path.join(directory, test["program"]), *test["arguments"]]
    began = time.monotonic()
    try:
        done = subprocess.run(([wine] if wine else []) + command, env={**os.environ, **test["environment"]},
                              cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=test["timeout"])
        code, text = done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as late:
        code, text = None, (late.stdout or b"").decode("utf-8", "replace")
    except OSError as error:
        code, text = error.errno, f"{error}\n"
        return "failed", "did not start", text, time.monotonic() - began
    seconds = time.monotonic() - began
    if code is None:
        return "failed", f"took longer than {test['timeout']} s", text, seconds
    if test["skip"] is not None and code == test["skip"]:
        return "skipped", "", text, seconds
    found = next((pattern for pattern in test["bad"] if re.search(pattern, text)), None)
    if found is not None:
        return "failed", f"its output matches {found}", text, seconds
    return ("passed", "", text, seconds) if code == 0 else ("failed", f"code {code}", text, seconds)


def report(path, results):
    suite = xml.Element("testsuite", name="apmsock", tests=str(len(results)))
    for test, (outcome, why, text, seconds) in results:
        case = xml.SubElement(suite, "testcase", name=test["name"], classname="apmsock", time=f"{seconds:.3f}")
        if outcome != "passed":
            xml.SubElement(case, "failure" if outcome == "failed" else "skipped", message=why)
        # What XML has no way to say is left out.
        xml.SubElement(case, "system-out").text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "?", text)
    for outcome, name in (("failed", "failures"), ("skipped", "skipped")):
        suite.set(name, str(sum(result[0] == outcome for _, result in results)))
    xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def run(directory, only, jobs, wine, junit):
    directory = os.path.realpath(directory)
    with open(os.path.join(directory, LIST), encoding="utf-8") as source:
        tests = [test for test in json.load(source) if re.search(only, test["name"])]
    results = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for test, result in zip(tests, pool.map(lambda each: run_one(directory, each, wine), tests)):
            results.append((test, result))
            outcome, why, text, seconds = result
            print(f"{outcome:8}{seconds:7.2f} s  {test['name']}{': ' + why if why else ''}", flush=True)
            if outcome != "passed":
                print("    " + "\n    ".join(text.splitlines()[-60:]), flush=True)
    if junit:
        report(junit, results)
    count = {each: sum(result[0] == each for _, result in results) for each in ("passed", "failed", "skipped")}
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 0 if count["passed"] > 0 and count["failed"] == 0 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packer = commands.add_parser("pack")
    packer.add_argument("build", help="the build directory")
    packer.add_argument("target", help="where everything goes; emptied first")
    runner = commands.add_parser("run")
    runner.add_argument("directory", help="what pack has made")
    runner.add_argument("--only", default="", help="a regular expression that names have to match")
    runner.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    runner.add_argument("--wine", help="the loader")
    runner.add_argument("--junit", help="the file for a report in JUnit's form")
    given = parser.parse_args()
    if given.command == "pack":
        pack(given.build, given.target)
        return 0
    return run(given.directory, given.only, given.jobs, given.wine, given.junit)


if __name__ == "__main__":
    sys.exit(main())
