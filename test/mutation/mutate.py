#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the model in the small ways of mutants.txt and of the lists beside it, one at a time, and lets the native tests look.

    mutate.py --source DIR --work DIR [--jobs N] [NAME ...]
    mutate.py --windows CUNIT --source DIR --work DIR [--jobs N] [NAME ...]
    mutate.py --source DIR --check    whether each finds what it breaks, in all lists

With --windows (the source of CUnit) it is what is between the library and a Windows process, of
windows_mutants.txt, and tests of the loader and of processes under Wine look, in the prefix of the
environment. A mutant that compiles has to be killed: a test fails, or does not end. The cheap tests are asked
first. The last line says how many were killed and how many survived; the exit code is 1 if one survived.
"""
import argparse
import os
import re
import shutil
import signal
import subprocess
import sys

SEEDS = ["--count", "400"]
SCENES = ["interleaving_test", "interleaving_callback_close_test", "interleaving_close_test",
          "interleaving_close_beside_test", "interleaving_connect_test", "interleaving_end_test",
          "interleaving_library_test", "interleaving_loader_test", "interleaving_timed_close_test"]
STAGES = [
    # (preset, targets to build for CTest, commands: what each says is a kill if it fails or takes too long)
    ("native-asan", [],
     [*[["test/" + scenes] for scenes in SCENES],
      ["test/seeds_seeded", "--profile", "hostile", *SEEDS], ["test/clock_test"], ["test/clock_posts_test"],
      ["test/seeds_seeded", "--profile", "windows", *SEEDS]]),
    ("native-asan", [],
     [["test/seeds_pieces", "--profile", "hostile", *SEEDS], ["test/seeds_pieces", "--profile", "windows", *SEEDS],
      ["test/seeds_threads", "--profile", "hostile", "--count", "150"]]),
    ("native-asan", ["all"],
     [["ctest", "-LE", "seeds", "-E", "one-worker|skip-off|/wine$|/hostile$"],
      ["ctest", "-LE", "seeds", "-R", "/wine$|/hostile$"]]),
    ("native-tsan", ["all"],
     [["test/seeds_threads", "--profile", "windows", "--count", "300"],
      ["ctest", "-LE", "seeds", "-E", "one-worker|skip-off|/wine$|/hostile$"]]),
]
# What nothing but ThreadSanitizer sees is asked of that first.
ORDER_STAGE = ("native-tsan", [], [["test/seeds_threads", "--profile", "windows", "--count", "300"]])
WINDOWS_STAGES = [
    ("x64", ["apmsock", "loader_test"], [["ctest", "-R", "^dll/loader$"]]),
    ("x64", ["guest_a", "guest_b", "plugin_test", "plugin_main_test", "process_inherit_test_dll", "adopt_test_dll",
             "refusal_test", "winsock_test"],
     [["ctest", "-R", "^(dll/plugin_main|static/refusal/refusal|static/winsock/winsock)$"],
      ["ctest", "-R", "^dll/(process_inherit/[a-z_]*|plugin|adopt/[a-z]*)$"]]),
    ("x64", ["process_end_test_dll", "library_test_dll", "library_memory_test_dll", "event_test_dll", "no_workers_test_dll",
             "send_file_test_dll"],
     [["ctest", "-R", "^dll/(process_end|library|library_memory|event|no_workers|send_file)/[a-z_]*$"]]),
]
LISTS = {False: ["mutants.txt", "pool_mutants.txt", "member_mutants.txt"], True: ["windows_mutants.txt"]}
# Seconds for each of CTest's tests; all of these together have no limit of their own, so that a machine that is busy
# kills nothing. And for a program that is run alone: the longest takes 30.
TOO_LONG = 300
TOO_LONG_ALONE = 150


def read_mutants(path):
    """[(name, file, [(old, new), ...])]"""
    mutants = []
    for line in open(path, encoding="utf-8").read().splitlines():
        head = re.match(r"\[([a-z0-9-]+)\] (\S+)$", line)
        if head:
            mutants.append((head.group(1), head.group(2), [([], [])]))
        elif line == "<<":
            mutants[-1][2].append(([], []))
        elif line.startswith("< "):
            mutants[-1][2][-1][0].append(line[2:])
        elif line.startswith("> "):
            mutants[-1][2][-1][1].append(line[2:])
        elif line and not line.startswith("#"):
            sys.exit(f"mutate: what is this? {line}")
    return [(name, file, [("\n".join(old), "\n".join(new)) for old, new in changes]) for name, file, changes in mutants]


def break_text(text, changes):
    """None where what is to be changed is not there once."""
    for old, new in changes:
        if text.count(old) != 1:
            return None
        text = text.replace(old, new)
    return text


def check(mutants, source):
    lost = [f"{name} ({file})" for name, file, changes in mutants
            if break_text(open(os.path.join(source, file), encoding="utf-8").read(), changes) is None]
    for one in lost:
        print(f"mutate: the text of {one} is not there once")
    return 1 if lost else 0


def run(command, cwd, limit):
    """None if it succeeds, else the reason."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          start_new_session=True) as done:
        try:
            text = done.communicate(timeout=limit)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(done.pid, signal.SIGKILL)  # with all that it has started
            return "does not end"
    if done.returncode == 0:
        return None
    for pattern in (r"FAILURE, seed \d+: .*", r"ERROR: AddressSanitizer: \S+", r"WARNING: ThreadSanitizer: .*",
                    r"runtime error: .*", r"Assertion .* failed", r"\d+/\d+ Test +#\d+: (\S+) .*\*\*\*(\w+)"):
        found = re.search(pattern, text)
        if found:
            return " ".join(found.groups()) or found.group(0)
    return f"exit code {done.returncode}"


class Bench:
    """A copy of the sources, and builds of it."""

    def __init__(self, source, work, jobs, stages, *arguments):
        self.tree = os.path.join(work, "tree")
        self.work, self.jobs, self.stages = work, jobs, stages
        shutil.rmtree(self.tree, ignore_errors=True)
        os.makedirs(self.tree)
        for name in ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "include", "src", "test", "win32"):
            place, there = os.path.join(source, name), os.path.join(self.tree, name)
            # With new times: else what an earlier run has built of its last mutant would pass for up to date.
            if os.path.isdir(place):
                shutil.copytree(place, there, copy_function=shutil.copy)
            else:
                shutil.copy(place, there)
        for preset in sorted({stage[0] for stage in stages}):
            reason = run(["cmake", "--preset", preset, "-B", self.directory(preset), "-DAPMSOCK_TESTS=ON", *arguments],
                         self.tree, 120)
            if reason:
                sys.exit(f"mutate: configuring {preset}: {reason}")

    def directory(self, preset):
        return os.path.join(self.work, preset)

    def ask(self, *first):
        """(whether it compiles, who killed it or None); `first`: stages before the others"""
        for preset, targets, commands in [*first, *self.stages]:
            where = self.directory(preset)
            for number, command in enumerate(commands):
                name = os.path.basename(command[0])
                if run(["cmake", "--build", where, "-j", str(self.jobs), "--target",
                        *(targets if name == "ctest" else [name])], where, 900):
                    return False, None
                if name == "ctest":
                    reason = run([*command, "--stop-on-failure", "--no-tests=error", "-j", str(2 * self.jobs)], where, None)
                else:
                    reason = run([os.path.join(where, command[0]), *command[1:]], where, TOO_LONG_ALONE)
                if reason:
                    # The next mutant is mostly of the same kind: it meets first what has killed this one.
                    commands.insert(0, commands.pop(number))
                    return True, f"{name} ({preset.removeprefix('native-')}): {reason}"
        return True, None

    def refresh(self):
        """What was killed may have left processes under Wine, that wait for ever."""
        for command in (["wineserver", "-k"], ["wineserver", "-w"], ["wineserver", "-p600"],
                        [os.environ["wine"], "cmd", "/c", "exit", "0"]):
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           timeout=120, check=False)

    def change(self, file, changes):
        """What the file was."""
        path = os.path.join(self.tree, file)
        before = open(path, encoding="utf-8").read()
        text = break_text(before, changes)
        if text is None:
            return None
        open(path, "w", encoding="utf-8").write(text)
        return before

    def restore(self, file, text):
        open(os.path.join(self.tree, file), "w", encoding="utf-8").write(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--windows", metavar="CUNIT")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--work")
    what.add_argument("--check", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    lists = {which: sum((read_mutants(os.path.join(asked.source, "test/mutation", name)) for name in names), [])
             for which, names in LISTS.items()}
    if asked.check:
        return check(lists[False] + lists[True], asked.source)
    windows = asked.windows is not None
    mutants, arguments = lists[windows], [f"-DAPMSOCK_TIMEOUT={TOO_LONG}"]
    if windows:
        arguments.append(f"-DCUNIT_SOURCE_DIR={asked.windows}")
    bench = Bench(asked.source, asked.work, asked.jobs, WINDOWS_STAGES if windows else STAGES, *arguments)
    killed, survived, void = 0, [], []
    if not asked.names:
        compiles, reason = bench.ask()
        if not compiles or reason:
            sys.exit(f"mutate: unchanged, it does not pass: {reason}")
        print("unchanged: passes", flush=True)
    for name, file, changes in mutants:
        if asked.names and name not in asked.names:
            continue
        before = bench.change(file, changes)
        if before is None:
            void.append(name)
            print(f"{name}: its text is not there once", flush=True)
            continue
        compiles, reason = bench.ask(*[ORDER_STAGE for _, new in changes[:1] if "memory_order" in new and not windows])
        bench.restore(file, before)
        if windows and reason:
            bench.refresh()
        if not compiles:
            void.append(name)
            print(f"{name}: does not compile", flush=True)
        elif reason:
            killed += 1
            print(f"{name}: killed by {reason}", flush=True)
        else:
            survived.append(name)
            print(f"{name}: SURVIVED", flush=True)
    for title, names in (("survived", survived), ("not tried", void)):
        if names:
            print(f"{title}: {' '.join(names)}")
    print(f"{killed} killed, {len(survived)} survived, {len(void)} not tried")
    return 1 if survived or void or killed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
