#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pb, the other end. It has a meter of its own, that of meter.c in Python."""

import json
import os
import sys
import time

from twisted.internet import epollreactor
epollreactor.install()
from twisted.internet import defer, reactor, task  # noqa: E402
from twisted.spread import banana, pb  # noqa: E402

banana.SIZE_LIMIT = 4 << 20
TEXT = "0123456789abcdef"
LARGE = b"x" * (1 << 20)
WARM_UP, RUNNING, OVER = range(3)


def die(text, status):
    sys.stderr.write(f"pb: {text}\n")
    os._exit(status)


class Meter:
    def __init__(self, words):
        self.workload = words[0]
        self.port = int(words[1])
        self.seconds = float(words[2])
        self.server = int(words[3])
        self.connections, self.window = int(words[4]), int(words[5])
        self.share = max(1, self.window // self.connections)
        self.calls = 0
        self.phase = WARM_UP
        self.latencies = []
        self.rss_empty = self.rss()

    def rss(self):
        with open(f"/proc/{self.server}/statm") as f:
            return int(f.read().split()[1]) * 4096

    def mark(self):
        # As clock_getcpuclockid() makes it.
        clock = (~self.server << 3) | 2
        return (self.calls, time.monotonic(), time.process_time(),
                time.clock_gettime(clock))

    def connected(self):
        self.rss_connected = self.rss()

    def start(self):
        self.last = time.monotonic()
        self.deadline = self.last + 0.25 * self.seconds

    def count(self):
        """False: enough."""
        self.calls += 1
        now = time.monotonic()
        if self.phase == RUNNING and self.workload == "lat":
            self.latencies.append(now - self.last)
        self.last = now
        if now >= self.deadline:
            if self.phase == WARM_UP:
                self.phase = RUNNING
                self.begin = self.mark()
                self.deadline = now + self.seconds
            elif self.phase == RUNNING:
                self.phase = OVER
                self.end = self.mark()
        return self.phase != OVER

    def next(self, index):
        if self.window >= self.connections:
            return index
        return (index + self.window) % self.connections

    def quantile(self, part):
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * part)] * 1e6 if ordered else 0

    def finish(self):
        calls, seconds, ccpu, scpu = (
            b - a for a, b in zip(self.begin, self.end))
        print(json.dumps({
            "wl": self.workload, "conns": self.connections,
            "window": self.window, "n": calls, "secs": round(seconds, 4),
            "rate": round(calls / seconds, 2),
            "p50": round(self.quantile(0.5), 2),
            "p99": round(self.quantile(0.99), 2),
            "ccpu": round(ccpu / calls * 1e6, 4),
            "scpu": round(scpu / calls * 1e6, 4),
            "rss_conn":
                (self.rss_connected - self.rss_empty) // self.connections,
            "MBps": round(calls * len(LARGE) / seconds / 1e6, 2)
            if self.workload == "large" else 0}), flush=True)
        os._exit(0)


class Sink(pb.Referenceable):
    def __init__(self, meter):
        self.meter = meter

    def remote_event(self, number, text):
        if not self.meter.count():
            self.meter.finish()


class Client:
    def __init__(self, meter):
        self.meter = meter
        self.roots = []

    def call(self, index):
        root, workload = self.roots[index], self.meter.workload
        if workload == "large":
            answer = root.callRemote("large", LARGE)
            answer.addCallback(self.check, index, LARGE)
        elif workload == "churn":
            # The reference is dropped with the callback's argument.
            answer = root.callRemote("make")
            answer.addCallback(lambda item: item.callRemote("poke", 1))
            answer.addCallback(self.check, index, 2)
        else:
            answer = root.callRemote("echo", 42, TEXT)
            answer.addCallback(self.check, index, (42, TEXT))
        answer.addErrback(self.fail)

    def check(self, result, index, expected):
        if result != expected:
            die("a result is wrong", 6)
        if not self.meter.count():
            self.meter.finish()
        self.call(self.meter.next(index))

    def fail(self, failure):
        if self.meter.phase != OVER:
            die(failure, 4)

    @defer.inlineCallbacks
    def run(self):
        m = self.meter
        for _ in range(m.connections):
            factory = pb.PBClientFactory()
            reactor.connectTCP("127.0.0.1", m.port, factory)
            self.roots.append((yield factory.getRootObject()))
        yield task.deferLater(reactor, 0.2, lambda: None)
        m.connected()
        m.start()
        if m.workload == "event":
            answer = self.roots[0].callRemote("push", Sink(m), m.window)
            answer.addErrback(self.fail)
            return
        for index in range(min(m.connections, m.window)):
            for _ in range(m.share):
                self.call(index)


def main():
    if len(sys.argv) < 7:
        die("usage: client WORKLOAD PORT SECONDS SERVER_PID CONNECTIONS "
            "WINDOW", 2)
    meter = Meter(sys.argv[1:])
    client = Client(meter)
    reactor.callWhenRunning(lambda: client.run().addErrback(client.fail))
    reactor.callLater(3 * meter.seconds + 40, lambda: os._exit(9))
    reactor.run()


main()
