"""Much data through a connection, both ways at once, with checksums at both ends."""

import hashlib
import os
import socket
import threading
from contextlib import contextmanager

from talk import PATIENCE

PERIOD = 1000003  # a prime, so that the same bytes never lie at the same place of two segments
PIECES = os.urandom(PERIOD)


def pieces(size):
    """Bytes that tell where they belong, so many of them."""
    while size > 0:
        yield PIECES[:size]
        size -= PERIOD


def digest_of(size):
    digest = hashlib.sha256()
    for piece in pieces(size):
        digest.update(piece)
    return digest.hexdigest()


def send(s, size):
    for piece in pieces(size):
        s.sendall(piece)


def receive(s):
    """All that comes until the peer has closed: how much, and its checksum."""
    digest, size, room = hashlib.sha256(), 0, bytearray(1 << 20)
    while count := s.recv_into(room):
        digest.update(memoryview(room)[:count])
        size += count
    return size, digest.hexdigest()


def both_ways(s, size):
    """Send so much, close our side, and meanwhile receive until the peer has closed: what receive() gives."""
    failed = []

    def sender():
        try:
            send(s, size)
            s.shutdown(socket.SHUT_WR)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=sender)
    thread.start()
    try:
        received = receive(s)
    finally:
        thread.join()
    assert not failed, failed
    return received


@contextmanager
def kernel_server(address, talk, patience, prepare=None):
    """A server for one caller, on a socket of the kernel, in a thread: its port. talk(s) is what it does with him.

    prepare(s) gives its socket options before anybody calls.
    """
    results = []

    def serve(listener):
        s, _ = listener.accept()
        with s:
            s.settimeout(patience)
            results.append(talk(s))

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        listener.settimeout(PATIENCE)
        if prepare:
            prepare(listener)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1], results
        finally:
            thread.join()
