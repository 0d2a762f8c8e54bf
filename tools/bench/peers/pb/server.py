#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pb - Twisted's Perspective Broker, on its epoll reactor."""

import sys

from twisted.internet import epollreactor
epollreactor.install()
from twisted.internet import reactor  # noqa: E402
from twisted.spread import banana, pb  # noqa: E402

# As it comes it refuses a string of 1 MiB.
banana.SIZE_LIMIT = 4 << 20
TEXT = "0123456789abcdef"


class Item(pb.Referenceable):
    def remote_poke(self, x):
        return x + 1


class Bench(pb.Root):
    def remote_echo(self, number, text):
        return number, text

    def remote_large(self, data):
        return data

    def remote_make(self):
        return Item()

    def remote_push(self, sink, count):
        def push(_=None):
            answered = sink.callRemote("event", 1, TEXT)
            answered.addCallbacks(push, lambda failure: None)

        for _ in range(count):
            push()


def main():
    reactor.listenTCP(int(sys.argv[1]), pb.PBServerFactory(Bench()),
                      interface="127.0.0.1", backlog=4096)
    reactor.callWhenRunning(lambda: print("READY", flush=True))
    reactor.run()


main()
