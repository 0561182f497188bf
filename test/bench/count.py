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
