# SPDX-License-Identifier: MIT
"""The floor: what all is compared with, and its switches that are best for each workload."""

FLOOR = "floor_iocp"
FLOOR_BEST = "floor_best"

# Found with skip 0 and 1, batch 1, 8 and 64, inl 1, 4 and 16, poll 1, 32 and 256, by themselves and skip and batch,
# batch and inl, batch and poll together:
#
#     ci/bench --count --impls floor_iocp --impl "b1=floor_iocp.exe --opt batch=1" ...
#
# and then by time (--rounds 3 --seconds 0.5). A switch stands here if it saves requests; by time alone none was
# better by more than what differs from run to run. What saves them:
#
#   batch=1   where packets come alone: nobody asks whether there is one more (1 of 9 of pend1, 1 of 23 of msdn1)
#   poll=256  where all is over at once, and where many packets wait: the port is looked at less often (0.12 of 4.12)
#   skip=0    where a connection has no transfer to skip a packet of (1 of 13)
#
# The others stay as they are: skip=0 costs whoever transfers 2 to 4 requests, inl 4 and 16 cost pend64 1.8. Left out
# are habits that are another client to its user: `try` needs a handle that does not block, `cxdata` sends with the
# connect, and update=0, nodelay=0 and shut=0 do less.
SWITCHES = {
    "pingpong": "poll=256",
    "pingpong64": "poll=256",
    "pend1": "batch=1",
    "pend64": "poll=256",
    "pend1000": "poll=256",
    "stream_send": "poll=256",
    "stream_recv": "poll=256",
    "connect1": "skip=0,batch=1",
    "connect16": "skip=0,batch=1",
    "msdn1": "batch=1",
}


def add_switches(command, name):
    """The floor's command line where it is at its best."""
    return f"{command} --opt {SWITCHES[name]}" if name in SWITCHES else command
