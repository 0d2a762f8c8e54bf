#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""noise.py NOISE_END: encrypted links between Waldo and dissononce.

Another implementation of Noise (Debian's python3-dissononce) is the other end
of a link over TCP, in both roles and with every pattern. What stands around
the messages of Noise is written here from broker/PROTOCOL.md N1 to N14.
"""
import hashlib
import os
import socket
import struct
import subprocess
import sys

try:
    from dissononce.cipher.chachapoly import ChaChaPolyCipher
    from dissononce.dh.x25519.keypair import KeyPair
    from dissononce.dh.x25519.private import PrivateKey
    from dissononce.dh.x25519.public import PublicKey
    from dissononce.dh.x25519.x25519 import X25519DH
    from dissononce.hash.sha256 import SHA256Hash
    from dissononce.processing.handshakepatterns.interactive.XK import (
        XKHandshakePattern)
    from dissononce.processing.handshakepatterns.interactive.XX import (
        XXHandshakePattern)
    from dissononce.processing.impl.cipherstate import CipherState
    from dissononce.processing.impl.handshakestate import HandshakeState
    from dissononce.processing.impl.symmetricstate import SymmetricState
    from dissononce.processing.modifiers.psk import PSKPatternModifier
except ImportError:
    print("python3-dissononce is not installed")
    sys.exit(77)

XK, XX, XKPSK3 = 1, 2, 3
PATTERNS = {
    XK: XKHandshakePattern(),
    XX: XXHandshakePattern(),
    XKPSK3: PSKPatternModifier(3).modify(XKHandshakePattern()),
}
# As tests/unit/secure_fixture.c has them.
SECRETS = {"dial": bytes([200] * 32), "accept": bytes([202] * 32)}
PAYLOADS = {"dial": b"who dials", "accept": b"who answers"}
PSK, SLOT = bytes([9] * 32), 3
PERIOD = 65536

checks = 0


def check(what, claim):
    global checks
    checks += 1
    if not claim:
        sys.exit("failed: " + what)


def keypair(role):
    return X25519DH().generate_keypair(PrivateKey(SECRETS[role]))


class Link:
    """Our end: the one that is not Waldo's."""

    def __init__(self, sock, role, pattern, period, psk=PSK):
        self.sock = sock
        self.role = role
        self.pattern = pattern
        self.period = period
        self.psk = psk
        self.counts = [0, 0]
        self.open()

    def read(self, length):
        data = b""
        while len(data) < length:
            more = self.sock.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def write_message(self, payload):
        message = bytearray()
        done = self.noise.write_message(payload, message)
        self.sock.sendall(struct.pack(">H", len(message)) + message)
        return done

    def read_message(self):
        length = struct.unpack(">H", self.read(2))[0]
        self.payload = bytearray()
        return self.noise.read_message(self.read(length), self.payload)

    def open(self):
        dials = self.role == "dial"
        other = keypair("accept" if dials else "dial").public
        preamble = bytes([0xC1]) + b"WD" + bytes(
            [1, self.pattern, 1, 0, SLOT if self.pattern == XKPSK3 else 0])
        key = other if dials else keypair("accept").public
        preamble += (bytes(4) if self.pattern == XX else
                     hashlib.sha256(key.data).digest()[:4])
        if dials:
            self.sock.sendall(preamble)
        else:
            check("the preamble", self.read(12) == preamble)
        self.symmetric = SymmetricState(
            CipherState(ChaChaPolyCipher()), SHA256Hash())
        self.noise = HandshakeState(self.symmetric, X25519DH())
        self.noise.initialize(
            PATTERNS[self.pattern], dials, b"waldo-noise-1\0" + preamble,
            s=keypair(self.role),
            rs=other if dials and self.pattern != XX else None,
            psks=[self.psk] if self.pattern == XKPSK3 else None)
        if dials:
            self.write_message(b"")
            self.read_message()
            ciphers = self.write_message(PAYLOADS["dial"])
        else:
            self.read_message()
            check("message 1 is empty", not self.payload)
            self.write_message(PAYLOADS["accept"])
            ciphers = self.read_message()
        self.send_cipher, self.receive_cipher = (
            ciphers if dials else reversed(ciphers))

    def count(self, which, cipher):
        self.counts[which] += 1
        if self.counts[which] % self.period == 0:
            # Its own rekey() does not cut the tag off. The nonce goes on.
            key = cipher.cipher.rekey(cipher._key)[:32]
            cipher.initialize_key(key)
            cipher.set_nonce(self.counts[which])

    def seal(self, data):
        record = self.send_cipher.encrypt_with_ad(b"", data)
        self.count(0, self.send_cipher)
        return struct.pack(">H", len(record)) + record

    def hear(self, length):
        """So many bytes, in whatever records."""
        data = b""
        while len(data) < length:
            record = self.read(struct.unpack(">H", self.read(2))[0])
            data += self.receive_cipher.decrypt_with_ad(b"", record)
            self.count(1, self.receive_cipher)
        return data


class Waldo:
    """Waldo's end: a process."""

    def __init__(self, program, role, pattern, period):
        arguments = [program, role, str(pattern), str(period)]
        if role == "dial":
            listener = socket.create_server(("127.0.0.1", 0))
            arguments.append(str(listener.getsockname()[1]))
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, text=True)
        if role == "dial":
            self.sock, _ = listener.accept()
            listener.close()
        else:
            port = int(self.process.stdout.readline().split()[1])
            self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.settimeout(30)

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        self.sock.close()
        lines = self.process.stdout.read()
        check("it ends well", self.process.wait() == 0)
        return lines


def check_names(waldo, link, ours, theirs):
    said = waldo.line().split(" ", 3)
    check("the key that it met", said[1] == keypair(ours).public.data.hex())
    check("the hash of the handshake",
          said[2] == link.symmetric.get_handshake_hash().hex())
    check("the payload that it heard", said[3].encode() == PAYLOADS[ours])
    check("its payload", bytes(link.payload) == PAYLOADS[theirs])
    check("its key", link.noise.rs.data == keypair(theirs).public.data)


def echo(link, *pieces):
    said = b"".join(pieces)
    link.sock.sendall(b"".join(link.seal(piece) for piece in pieces))
    check("what it says back", link.hear(len(said)) == said)


def conversation(program, theirs, pattern, period):
    """Handshake, records of all sizes, keys that change."""
    ours = "accept" if theirs == "dial" else "dial"
    waldo = Waldo(program, theirs, pattern, period)
    link = Link(waldo.sock, ours, pattern, period)
    check_names(waldo, link, ours, theirs)
    echo(link, b"hello")
    echo(link, b"", b"a", b"", os.urandom(1000), b"", b"z")
    echo(link, os.urandom(65519), os.urandom(65519), b"end")
    for _ in range(20):
        echo(link, os.urandom(50))
    check("why it ends", waldo.end() == "end it closed\n")


def many_records(program):
    """More than a key may seal, towards Waldo."""
    waldo = Waldo(program, "accept", XK, PERIOD)
    link = Link(waldo.sock, "dial", XK, PERIOD)
    waldo.line()
    for _ in range(66):
        echo(link, *[bytes([i % 256]) for i in range(1000)])
    check("the key has changed", link.counts[0] > PERIOD)
    waldo.end()


def is_closed(sock):
    """Without a word."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def disagreements(program):
    waldo = Waldo(program, "accept", XKPSK3, PERIOD)
    Link(waldo.sock, "dial", XKPSK3, PERIOD, psk=bytes(32))
    check("another secret is met with silence", is_closed(waldo.sock))
    check("and noticed",
          waldo.end() == "end it could not prove who it is\n")

    waldo = Waldo(program, "accept", XK, PERIOD)
    link = Link(waldo.sock, "dial", XK, PERIOD)
    waldo.line()
    record = bytearray(link.seal(b"hello"))
    record[-1] ^= 1
    waldo.sock.sendall(record)
    check("a bad tag is met with silence", is_closed(waldo.sock))
    check("and noticed",
          waldo.end() == "end what came is not what was sent\n")


def main():
    program = sys.argv[1]
    for pattern in PATTERNS:
        for role in "dial", "accept":
            conversation(program, role, pattern, PERIOD)
            conversation(program, role, pattern, 4)
    many_records(program)
    disagreements(program)
    print(checks, "tests")


main()
