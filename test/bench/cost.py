#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How many instructions the library needs for an operation, and what it calls: the scenes of
operation_cost on the simulated kernel under Callgrind, each a number of times and twice as
often. The difference is what an operation takes, the same in each run.

    cost.py --program operation_cost --source src --budget budget.json --compiler "GCC 12.2.0"

Counted is what functions of the library's sources need by themselves; neither the simulated
kernel nor the caller. What they call outside (the kernel, the C library) is told by name.

The budget is what was recorded last. A change that needs more fails; who means it, or needs
less, records it (--record), and the change of the file shows it.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

SCENES = ["send_at_once", "receive_at_once", "receive_later", "chain_at_once", "chain_later", "burst", "connect_and_close"]
LEAST = 512  # operations: a worker does something else each eighth time, and some scenes do 64 at once
CROWD = 20000  # connections that wait beside
CROWDED = ["chain_later", "burst", "connect_and_close"]  # a send and a receive; each takes its time
NAME = re.compile(r"\((\d+)\)(?: (.*))?$")
# What the simulated kernel alone has: where a real one is not asked.
NOTHING = {"apmk_interleave"}


class Names:
    """Callgrind says a name once, and its number from then on."""

    def __init__(self):
        self.known = {}

    def read(self, text):
        number, name = NAME.match(text).groups()
        if name is not None:
            self.known[number] = name
        return self.known[number]


class Profile:
    """{(file, function): instructions} and {(file, function): {callee: calls}}."""

    def __init__(self, lines):
        self.own, self.calls = {}, {}
        files, functions = Names(), Names()
        file, function, callee, inclusive = "", None, "", False
        for line in lines:
            key, equals, value = line.rstrip("\n").partition("=")
            if line[:1] in "0123456789+-*" and function is not None:
                if not inclusive:
                    self.own[function] = self.own.get(function, 0) + int(line.split()[1])
                inclusive = False
            elif not equals:
                continue
            elif key == "fl":
                file = files.read(value)
            elif key in ("fi", "fe", "cfi", "cfl"):  # of inlined lines, or of what is called
                files.read(value)
            elif key == "fn":
                function = (file, plain(functions.read(value)))
            elif key == "cfn":
                callee = plain(functions.read(value))
            elif key == "calls":
                calls = self.calls.setdefault(function, {})
                calls[callee] = calls.get(callee, 0) + int(value.split()[0])
                inclusive = True  # the next line


def profile(asked, scene, count, crowd):
    with tempfile.TemporaryDirectory(prefix="cost-") as room:
        out = os.path.join(room, "callgrind.out")
        done = subprocess.run([asked.valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", asked.program, scene,
                               str(count), str(crowd)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=250,
                              check=False)
        if done.returncode != 0:
            sys.exit(f"{scene}: code {done.returncode}\n{done.stdout}{done.stderr}")
        with open(out, encoding="utf-8") as lines:
            return Profile(lines)


def plain(name):
    """Which memset it is depends on the machine; and one function is inside itself under another name."""
    name = name.split("'")[0]
    for known in ("memset", "memcpy", "memmove"):
        if known in name:
            return known
    return name


def each(less, more, operations):
    """What an operation takes, where it takes anything."""
    found = {key: (more.get(key, 0) - less.get(key, 0)) / operations for key in {*less, *more}}
    return {key: value for key, value in found.items() if value != 0}


def rounded(count):
    return int(count) if count == int(count) else round(count, 2)


def measure(asked, scene, crowd=0):
    source = os.path.abspath(asked.source) + os.sep
    less, more = (profile(asked, scene, count, crowd) for count in (LEAST, 2 * LEAST))
    ours = [function for function in more.own if os.path.abspath(function[0]).startswith(source)]
    names = {function[1] for function in ours}
    own = each({f: less.own.get(f, 0) for f in ours}, {f: more.own[f] for f in ours}, LEAST)

    def outside(of):
        calls = {}
        for function in ours:
            for callee, count in of.calls.get(function, {}).items():
                if callee not in names and callee not in NOTHING and not callee.startswith("on_"):
                    calls[callee] = calls.get(callee, 0) + count
        return calls

    if not own:
        sys.exit(f"{scene}: nothing of {source} has run; is the program built with -g?")
    return {"instructions": rounded(sum(own.values())),
            "calls": {name: rounded(count) for name, count in sorted(each(outside(less), outside(more), LEAST).items())},
            "functions": {name: rounded(count) for (_, name), count in sorted(own.items(), key=lambda pair: -pair[1])}}


def complaints(scene, measured, budget, same_compiler):
    """What has become more; and what has become less, which is to be recorded."""
    worse, better = [], []
    if budget is None:
        return [f"{scene}: there is no budget"], []
    if same_compiler and measured["instructions"] != budget["instructions"]:
        (worse if measured["instructions"] > budget["instructions"] else better).append(
            f"{scene}: {measured['instructions']} instructions, and not {budget['instructions']}")
    for name in sorted({*measured["calls"], *budget["calls"]}):
        now, then = measured["calls"].get(name, 0), budget["calls"].get(name, 0)
        # Whether a memset is a call or a few stores is the compiler's business.
        if now != then and (same_compiler or name.startswith("apmk_")):
            (worse if now > then else better).append(f"{scene}: {now} calls of {name}, and not {then}")
    return worse, better


def show(scene, measured):
    print(f"{scene}: {measured['instructions']:g} instructions")
    for name, count in measured["functions"].items():
        print(f"  {count:8g}  {name}")
    print("  calls: " + ", ".join(f"{name} {count:g}" for name, count in measured["calls"].items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--valgrind", default="valgrind")
    parser.add_argument("--source", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--budget", required=True)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--scenes", nargs="+", default=SCENES)
    asked = parser.parse_args()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # what is counted does not depend on who else runs
        crowded = {scene: pool.submit(measure, asked, scene, CROWD) for scene in asked.scenes if scene in CROWDED}
        alone = {scene: pool.submit(measure, asked, scene) for scene in asked.scenes}
        measured = {scene: found.result() for scene, found in alone.items()}
    for scene, found in measured.items():
        show(scene, found)
    failed = False
    for scene, found in crowded.items():
        instructions = found.result()["instructions"]
        print(f"{scene}, and {CROWD} connections wait: {instructions:g} instructions")
        if instructions != measured[scene]["instructions"]:
            print(f"FAILED: {scene}: with {CROWD} connections that wait it is not the same")
            failed = True
    if asked.record:
        kept = {scene: {key: found[key] for key in ("instructions", "calls")} for scene, found in measured.items()}
        with open(asked.budget, "w", encoding="utf-8") as file:
            json.dump({"compiler": asked.compiler, "scenes": kept}, file, indent=4)
            file.write("\n")
        return 1 if failed else 0
    with open(asked.budget, encoding="utf-8") as file:
        budget = json.load(file)
    same = budget["compiler"] == asked.compiler
    if not same:
        print(f"SKIPPED: the budget is for {budget['compiler']}, so instructions of {asked.compiler} are not compared; "
              "calls of the kernel are.")
    for scene, found in measured.items():
        worse, better = complaints(scene, found, budget["scenes"].get(scene), same)
        for line in worse:
            print(f"FAILED: {line}")
        for line in better:
            print(f"less than the budget, record it: {line}")
        failed = failed or bool(worse)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
