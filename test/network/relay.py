# SPDX-License-Identifier: MIT
"""A slow wire between two namespaces that loses packets: a TUN device in each, and a thread that
carries packets from one to the other in its own time. Not every kernel has netem."""

import fcntl
import heapq
import os
import random
import select
import struct
import threading
import time

DEVICE = "/dev/net/tun"
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


def open_tun(side):
    with side:
        device = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"slow", IFF_TUN | IFF_NO_PI))
    return device


class Relay:
    def __init__(self, near, far, delay, loss):
        self.ends = {}
        one, other = open_tun(near), open_tun(far)
        self.ends = {one: other, other: one}
        self.delay, self.loss, self.carried, self.lost = delay, loss, 0, 0
        self.chance = random.Random(1)
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        waiting = []  # (when, number, where to, packet)
        while True:
            patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for end in select.select(list(self.ends), [], [], patience)[0]:
                self.take(end, waiting)
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                try:
                    os.write(end, packet)
                except OSError:
                    self.lost += 1  # the device is down, or full

    def take(self, end, waiting):
        while True:
            try:
                packet = os.read(end, 65536)
            except OSError:
                return
            if self.chance.random() < self.loss:
                self.lost += 1
                continue
            self.carried += 1
            heapq.heappush(waiting, (time.monotonic() + self.delay, self.carried, self.ends[end], packet))
