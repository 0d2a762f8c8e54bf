#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What stands on the wire, for scripts that ask.

tap.py relay PORT FOLDER
    Prints a port of its own and passes on, both ways, what comes there to
    PORT. When both ends of connection N, from 1, are closed, FOLDER/N.up has
    what the client sent and FOLDER/N.down what the server did; FOLDER/N tells
    the lengths of the messages and records in them.
tap.py replay PORT FILE...
    Says what is in the files to PORT, each but the first when something was
    said back; prints how many bytes that were, all in all.
"""
import os
import socket
import sys
import threading

PREAMBLE = 12


def lengths(data, skip):
    """Of all that begins with a length, behind `skip` bytes."""
    found = []
    at = skip
    while at + 2 <= len(data):
        length = int.from_bytes(data[at:at + 2], 'big')
        found.append(length)
        at += 2 + length
    if at != len(data):
        found.append('and %d bytes short' % (at - len(data)))
    return ' '.join(map(str, found))


def pass_on(source, sink, said):
    try:
        while data := source.recv(65536):
            said += data
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def note(name, up, down):
    for end, data in (('up', up), ('down', down)):
        with open(f'{name}.{end}', 'wb') as file:
            file.write(data)
    with open(f'{name}.new', 'w') as file:
        print(f'up {len(up)}: {lengths(up, PREAMBLE)}', file=file)
        print(f'down {len(down)}: {lengths(down, 0)}', file=file)
    os.rename(f'{name}.new', name)


def connection(client, port, name):
    up, down = bytearray(), bytearray()
    with client, socket.create_connection(('127.0.0.1', port)) as server:
        back = threading.Thread(target=pass_on, args=(server, client, down))
        back.start()
        pass_on(client, server, up)
        back.join()
    note(name, up, down)


def relay(port, folder):
    listener = socket.create_server(('127.0.0.1', 0))
    print(listener.getsockname()[1], flush=True)
    count = 0
    while True:
        client = listener.accept()[0]
        count += 1
        threading.Thread(target=connection, daemon=True,
                         args=(client, port, f'{folder}/{count}')).start()


def replay(port, *paths):
    back = 0
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        try:
            for i, path in enumerate(paths):
                back += len(s.recv(65536)) if i > 0 else 0
                with open(path, 'rb') as file:
                    s.sendall(file.read())
            while more := s.recv(65536):
                back += len(more)
        except ConnectionError:
            pass
    print(back)


if __name__ == '__main__':
    {'relay': relay, 'replay': replay}[sys.argv[1]](int(sys.argv[2]),
                                                    *sys.argv[3:])
