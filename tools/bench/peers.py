# SPDX-License-Identifier: MIT
"""Who takes part in the bench, with which workloads, and what each needs."""

ECHO = ["lat1", "pipe1", "fan20", "fan1000", "large"]
OBJECTS = ["churn", "event"]

# Name: what the client is told to do, connections, window.
WORKLOADS = {
    "lat1": ("lat", 1, 1),
    "pipe1": ("pipe", 1, 256),
    "fan20": ("fan", 20, 1000),
    "fan20w1": ("fan", 20, 20),
    "fan1000": ("fan", 1000, 1000),
    "fan10000": ("fan", 10000, 1000),
    "large": ("large", 1, 4),
    "large1": ("large", 1, 1),
    "churn": ("churn", 1, 64),
    "churnp": ("churnp", 1, 64),
    "event": ("event", 1, 64),
    "open": ("open", 1, 1),
}
TITLES = {
    "lat1": "sequential",
    "pipe1": "256 in flight, one connection",
    "fan20": "1,000 in flight, 20 connections",
    "fan20w1": "20 in flight, 20 connections",
    "fan1000": "1,000 in flight, 1,000 connections",
    "fan10000": "1,000 in flight, 10,000 connections",
    "large": "1 MiB there and back, 4 in flight",
    "large1": "1 MiB there and back, one in flight",
    "churn": "objects: make, call, release; 64 in flight",
    "churnp": "the same, called before they are there",
    "event": "events pushed to a callback, 64 in flight",
    "open": "connections opened, called once, closed; one at a time",
}
# The same with the two ends wherever the scheduler puts them.
UNPINNED = {"lat1": "lat2", "pipe1": "pipe2"}


class Peer:
    """`words` follow what every peer is told, on both command lines. Of
    `needs`, "x.h" is a header, "python:x" a module, any other a program in
    PATH."""

    def __init__(self, name, folder, workloads, needs=(), packages=(),
                 words=(), unix=False, silent=False, flags=()):
        self.name = name
        self.folder = folder
        self.workloads = workloads
        self.needs = needs
        self.packages = packages
        self.words = list(words)
        self.unix = unix  # its address is a path, not a port
        self.silent = silent  # does not say READY
        self.flags = list(flags)
        self.floor = "raw-unix" if unix else "raw-tcp"


_TLS = ["tls", "{cert}", "{key}"]
_CHACHA = [*_TLS, "chacha"]
_IDEAL = ["sodium.h"], ["libsodium-dev"]
_EVENT = (["event2/bufferevent_ssl.h", "openssl/ssl.h"],
          ["libevent-dev", "libssl-dev"])
_GRPC = (["protoc", "grpc_cpp_plugin", "grpcpp/grpcpp.h"],
         ["libgrpc++-dev", "protobuf-compiler", "protobuf-compiler-grpc",
          "libprotobuf-dev", "pkg-config"])
_ICE = (["slice2cpp", "Ice/Ice.h"], ["libzeroc-ice-dev",
                                     "zeroc-ice-compilers"])
_THRIFT = (["thrift", "thrift/server/TNonblockingServer.h"],
           ["libthrift-dev", "thrift-compiler", "libevent-dev",
            "libssl-dev", "libboost-dev"])
_SMALL = ["lat1", "pipe1", "fan20", "fan20w1", "fan1000"]
_STD = ECHO + ["fan20w1"]
_PAIR = ["lat1", "pipe1", "large"]

PEERS = [
    Peer("raw-tcp", "raw", _STD + ["fan10000", "open"]),
    Peer("raw-unix", "raw", _STD + ["fan10000"], unix=True),
    Peer("waldo-tcp-insecure", "waldo",
         _STD + OBJECTS + ["churnp", "fan10000", "open"]),
    Peer("waldo-tcp", "waldo",
         _STD + OBJECTS + ["churnp", "fan10000", "open"], words=["secure"]),
    Peer("waldo-unix", "waldo", _STD + OBJECTS + ["churnp"], unix=True),
    Peer("ideal", "ideal", _SMALL, *_IDEAL),
    Peer("ideal-aead", "ideal", _SMALL, *_IDEAL, words=["crypt"]),
    Peer("ideal-aead1", "ideal", ["lat1", "pipe1"], *_IDEAL,
         words=["crypt1"]),
    Peer("sodium", "sodium", ["large"], *_IDEAL),
    Peer("libevent", "libevent", _STD + ["fan10000"], *_EVENT),
    Peer("libevent-tls", "libevent", _STD + ["open"], *_EVENT, words=_TLS),
    Peer("tls-echo", "libevent", _STD + ["open"], *_EVENT, words=_CHACHA),
    Peer("redis", "redis", _STD + ["fan10000"],
         ["redis-server", "hiredis/adapters/libevent.h", "event2/event.h"],
         ["redis-server", "libhiredis-dev", "libevent-dev"], silent=True),
    Peer("zmq", "zmq", _STD, ["zmq.h", "msgpack.h"],
         ["libzmq3-dev", "libmsgpack-dev"]),
    Peer("nng", "nng", _STD, ["nng/nng.h", "msgpack.h"],
         ["libnng-dev", "libmsgpack-dev"]),
    Peer("capnp", "capnp", _STD + OBJECTS + ["churnp", "fan10000"],
         ["capnp", "capnp/rpc-twoparty.h"],
         ["capnproto", "libcapnp-dev", "pkg-config"]),
    Peer("grpc", "grpc", _STD, *_GRPC),
    Peer("grpc-tls", "grpc", _PAIR, *_GRPC, words=_TLS),
    Peer("ice", "ice", _STD + OBJECTS, *_ICE),
    Peer("ice-tls", "ice", _PAIR, *_ICE, words=_TLS),
    Peer("omniorb", "omni", _STD + OBJECTS, ["omniidl", "omniORB4/CORBA.h"],
         ["libomniorb4-dev", "omniidl"]),
    Peer("thrift", "thrift", _STD, *_THRIFT),
    Peer("thrift-tls", "thrift", _PAIR, *_THRIFT, words=_TLS),
    Peer("sunrpc", "sunrpc", ["lat1", "large1"], ["rpc/rpc.h"],
         ["libtirpc-dev"], flags=["-I/usr/include/tirpc"]),
    Peer("sdbus", "sdbus", _STD + ["event"], ["systemd/sd-bus.h"],
         ["libsystemd-dev"], unix=True),
    Peer("pb", "pb", _STD + OBJECTS, ["python:twisted.spread.pb"], ["python3-twisted"]),
]
