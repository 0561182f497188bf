# SPDX-License-Identifier: MIT
"""How many requests to Wine's server an operation takes: each is a round trip between two
processes, and most of what an operation costs there. Unlike times they can be counted exactly.

Wine's server tells of each request (wineserver -d1). A client runs with N operations and with
2 N; the difference, divided by N, is what an operation takes: starting and ending cancel out.
"""

import collections
import os
import re
import tempfile
import time

from session import Failure

# "0024: select( flags=2, ..." is a request; "0024: select() = PENDING { ... }" is its answer.
REQUEST = re.compile(rb"^[0-9a-f]{4}: ([a-z_0-9]+)\( ?(?!\) = )")
LEAST = 0.01  # of a request for each operation: below, it is something else
# By so much a client may look above another one and ask for no more: how often the port is looked at where all is
# over at once is a client's own (0.12 requests of the floor's pingpong64, 0.08 of the library's), and two counts of
# one program differ by up to 0.03. Those of connect1 and msdn1 differ by 0.8, for a wait that has to wait is two
# requests more, but there the library is below the floor by 1 to 2.
ALLOWED = 0.10


class Trace:
    """What the server says, and how far it has been read."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="bench-trace-")  # the server writes to it

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def size(self):
        return os.path.getsize(self.file.name)

    def settle(self):
        """Waits until the server has nothing more to say of a client that has ended."""
        size, deadline = -1, time.monotonic() + 10
        while size != self.size() and time.monotonic() < deadline:
            size = self.size()
            time.sleep(0.3)
        return size

    def requests(self, start, end):
        with open(self.file.name, "rb") as said:
            said.seek(start)
            return count_requests(said.read(end - start).splitlines())


def count_requests(lines):
    counts = collections.Counter()
    for line in lines:
        if match := REQUEST.match(line):
            counts[match.group(1).decode()] += 1
    return counts


def per_operation(less, more, operations):
    """By name, the largest first; what is not worth a word is left out."""
    each = {name: (more.get(name, 0) - less.get(name, 0)) / operations for name in {*less, *more}}
    return dict(sorted(((name, value) for name, value in each.items() if abs(value) >= LEAST),
                       key=lambda pair: -pair[1]))


def find_excess(counted, ours, floor):
    """Where `ours` asks for more than `floor`, of {workload: {implementation: requests of an operation}}: what
    there is to say of it. Who was not counted is not compared."""
    return [f"{name}: {ours} needs {counts[ours]:.2f} requests for each operation, {floor} {counts[floor]:.2f}"
            for name, counts in counted.items()
            if ours in counts and floor in counts and counts[ours] > counts[floor] + ALLOWED]


def count_again(counts, count_one, ours, floor):
    """Who is else busy moves the moment in which an answer is there, and that is requests more or less. So who
    looks above the floor is counted three times in all, and the floor, too, and the middle one of each holds.
    `counts` is {implementation: {request: so many}}, `count_one` counts an implementation once more."""
    sums = {implementation: sum(each.values()) for implementation, each in counts.items()}
    if not find_excess({"": sums}, ours, floor):
        return counts
    three = {implementation: [counts[implementation], count_one(implementation), count_one(implementation)]
             for implementation in (floor, ours)}
    return {**counts, **{implementation: sorted(each, key=lambda count: sum(count.values()))[1]
                         for implementation, each in three.items()}}


def count_client(session, trace, client, name, operations, **options):
    counts = []
    for factor in (1, 2):
        start = trace.settle()
        result = session.run(client, name, ops=factor * operations, **options)
        if "error" in result:
            raise Failure(f"{client} {name}: {result['error']}")
        counts.append((trace.requests(start, trace.settle()), result["ops_all"]))
    (less, few), (more, many) = counts
    if many <= few:
        raise Failure(f"{client} {name}: {few} and {many} operations")
    return per_operation(less, more, many - few)
