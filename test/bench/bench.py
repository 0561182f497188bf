#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs clients of the bench one after the other, round after round, and compares them. What one of
them does in a second means nothing on a machine that does other things, too; the ratio of two
that took turns does. Everything runs on one processor: an operation's cost, and not how well the
system spreads it.

An implementation is a program of --bin (apmbench for apmbench.exe), or NAME=PROGRAM [OPTION...].
With --count, requests to Wine's server are counted instead; ci/bench runs this.
"""

import argparse
import datetime
import json
import os
import platform
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True  # the sources are no place for what is made from them
from chart import draw  # noqa: E402
from count import Trace, count_again, count_client, find_excess  # noqa: E402
from floor import FLOOR, FLOOR_BEST, add_switches  # noqa: E402
from report import detail_table, errors_of, format_table, summary_table, versions_of  # noqa: E402
from session import Failure, Server, Session, Wine  # noqa: E402
from workloads import WORKLOADS, is_idle  # noqa: E402

OURS = "apmbench"
# Programs by names of their own; any other is that of the program.
KNOWN = {"apmbench_default": f"{OURS}.exe --opt default=1", FLOOR_BEST: f"{FLOOR}.exe"}
COUNTED = {"pend1000": 3000}  # operations; of others:
OPERATIONS = 1000


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="where the clients and the server are")
    parser.add_argument("--wine", default="wine64")
    parser.add_argument("--workloads", default="all", help="of " + ",".join(WORKLOADS))
    parser.add_argument("--impls", default=f"{FLOOR},{OURS}", help="comma list")
    parser.add_argument("--impl", action="append", default=[], metavar="NAME=PROGRAM [OPTION...]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--warmup", type=float, default=0.3)
    parser.add_argument("--threads", type=int, default=1, help="workers of each client that has any")
    parser.add_argument("--delay", type=int, default=200, help="microseconds until a late answer")
    parser.add_argument("--cpu", type=int, default=0, help="the processor for all of it; -1: any")
    parser.add_argument("--count", action="store_true", help="requests to Wine's server")
    parser.add_argument("--json", help="where to write all results")
    parser.add_argument("--chart", help="where to draw")
    return parser.parse_args()


def find_implementations(asked):
    found = {}
    pairs = [f"{name}={KNOWN.get(name, name + '.exe')}" for name in filter(None, asked.impls.split(","))]
    for pair in pairs + asked.impl:
        name, equals, command = pair.partition("=")
        if not equals or not command:
            raise Failure(f"--impl {pair}: NAME=PROGRAM [OPTION...]")
        words = shlex.split(command)
        if "/" not in words[0]:
            words[0] = os.path.join(asked.bin, words[0])
        found[name] = shlex.join(words)
    for command in found.values():
        if not os.path.exists(shlex.split(command)[0]):
            raise Failure(f"there is no {shlex.split(command)[0]}")
    return found


def command_for(implementations, implementation, name):
    """The floor at its best is another one on each workload."""
    command = implementations[implementation]
    return add_switches(command, name) if implementation == FLOOR_BEST else command


def find_workloads(asked):
    names = list(WORKLOADS) if asked.workloads == "all" else asked.workloads.split(",")
    for name in names:
        if name not in WORKLOADS:
            raise Failure(f"there is no workload {name!r}; there are {' '.join(WORKLOADS)}")
    return names


def measure(asked, session, implementations, names):
    """{workload: [{implementation: result}]}: a list of rounds. Each round begins with another one."""
    measured = {}
    order = list(implementations)
    for name in names:
        rounds = measured[name] = []
        for number in range(asked.rounds):
            turn = number % len(order)
            rounds.append({})
            for implementation in order[turn:] + order[:turn]:
                rounds[-1][implementation] = session.run(command_for(implementations, implementation, name), name,
                                                         seconds=asked.seconds, warmup=asked.warmup,
                                                         threads=asked.threads)
        print("\n" + detail_table(name, implementations, rounds), flush=True)
    return measured


def describe(asked, measured):
    wine = subprocess.run([*shlex.split(asked.wine), "--version"], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL).stdout.strip() or "Wine"
    return [f"Made {datetime.date.today().isoformat()} by ci/bench --rounds {asked.rounds} "
            f"--seconds {asked.seconds:g}: {versions_of(measured)};",
            f"{wine}, Linux {platform.release()}, workers: {asked.threads} "
            "(apmbench_default: the library's own choice);",
            f"server, Wine's server and clients on one of {os.cpu_count()} processors of a {platform.machine()} "
            "machine. It says nothing of Windows,", "where a request to the kernel is not one to another process."]


def compare(asked, implementations, names):
    cpus = {asked.cpu} if asked.cpu >= 0 else None
    with Server(os.path.join(asked.bin, "bench_server"), cpus, asked.delay, 86400) as server, \
            Wine(asked.wine, cpus) as wine:
        measured = measure(asked, Session(server, wine), implementations, names)
    made = describe(asked, measured)
    print("\nSpeed (of idle connections: memory) as a multiple of the floor's, median of the rounds (least-most):")
    print(summary_table(implementations, measured))
    if not all(is_idle(name) for name in names):
        print("\nThe floor's processor time as a multiple of theirs, client and Wine's server together:")
        print(summary_table(implementations, measured, by_time=True))
    print("\n" + "\n".join(made), flush=True)
    if asked.json:
        with open(asked.json, "w", encoding="utf-8") as file:
            json.dump({"made": made, "implementations": implementations, "measured": measured}, file, indent=1)
    if asked.chart:
        with open(asked.chart, "w", encoding="utf-8") as file:
            file.write(draw(implementations, measured, made))
    return errors_of(measured)


def tell_counts(implementations, counted):
    """{workload: {implementation: {request: so many}}} as tables. Returns what must not be."""
    sums = {name: {implementation: sum(each.values()) for implementation, each in counts.items()}
            for name, counts in counted.items()}
    print("Requests to Wine's server for each operation:")
    print(format_table(["workload", *implementations],
                       [[name, *(f"{value:.2f}" for value in counts.values())] for name, counts in sums.items()]))
    print()
    for name, counts in counted.items():
        for implementation, each in counts.items():
            print(f"{name} {implementation}:", "  ".join(f"{request} {value:.2f}" for request, value in each.items()))
    print()
    for excess in find_excess(sums, OURS, FLOOR_BEST):
        print(f"Above the floor at its best, which is no failure: {excess}")
    sys.stdout.flush()
    return find_excess(sums, OURS, FLOOR)


def count(asked, implementations, names):
    cpus = {asked.cpu} if asked.cpu >= 0 else None
    counted = {}
    with Trace() as trace, Server(os.path.join(asked.bin, "bench_server"), cpus, asked.delay, 86400) as server, \
            Wine(asked.wine, cpus, trace.file) as wine:
        session = Session(server, wine)
        for name in (name for name in names if not is_idle(name)):
            def count_one(implementation, name=name):
                return count_client(session, trace, command_for(implementations, implementation, name), name,
                                    COUNTED.get(name, OPERATIONS), threads=asked.threads)

            counts = count_again({each: count_one(each) for each in implementations}, count_one, OURS, FLOOR)
            counted[name] = counts
            print(name, *(f"{sum(each.values()):.2f}" for each in counts.values()), file=sys.stderr, flush=True)
    return tell_counts(implementations, counted)


def main():
    asked = read_arguments()
    asked.bin = os.path.abspath(asked.bin)
    implementations = find_implementations(asked)
    errors = (count if asked.count else compare)(asked, implementations, find_workloads(asked))
    for error in errors:
        print(f"FAILED: {error}", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
