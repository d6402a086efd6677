"""Speaking TCP and HTTP by hand, so that wrong things can be said, too; and what to speak with."""

import os
import pty
import random
import re
import shutil
import socket

import pytest

PATIENCE = 20  # seconds for what takes milliseconds: the machine may be busy, the program be built to check itself


def need(program):
    """The path of a program that is not ours; without it the test is passed over."""
    path = shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if not path:
        pytest.skip(f"{program} is not installed (tools/packages names its package)")
    return path


def need_terminal():
    """Both ends of a new one; where none can be made (no devpts is mounted, as in a bare chroot) the test is passed over."""
    try:
        return pty.openpty()
    except OSError as error:
        pytest.skip(f"no terminal can be opened here: {error}")


def free_port(kind=socket.SOCK_STREAM):
    """A port that nobody has, below those that are given to calls: so that none gets it before it is used."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as ports:
        ephemeral = int(ports.read().split()[0])
    for _ in range(100):
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(("0.0.0.0", random.randrange(ephemeral // 2, ephemeral)))
            except OSError:
                continue
            return s.getsockname()[1]
    raise AssertionError("no port could be had")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True


def call(port, address="127.0.0.1", receive_buffer=None, source=None):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(PATIENCE)
    try:
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            s.bind((source, 0))
        s.connect((address, port))
    except BaseException:
        s.close()
        raise
    return s


def read_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))


def exchange(port, data, address="127.0.0.1"):
    """Send, close our side, and give back all that comes until the peer has closed, too."""
    with call(port, address) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return read_all(s)


def request(target="/", *fields, method="GET", version="HTTP/1.1"):
    return "\r\n".join([f"{method} {target} {version}", "Host: test", *fields, "", ""]).encode("latin-1")


class Answer:
    """One answer, read from a file that buffers, so that the next can be read behind it."""

    def __init__(self, stream, head_only=False):
        line = stream.readline()
        match = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n", line)
        assert match, f"not a status line: {line!r}"
        self.status = int(match.group(1))
        self.fields = {}
        while (line := stream.readline()) != b"\r\n":
            assert line.endswith(b"\r\n"), f"a broken field: {line!r}"
            name, value = line.decode("latin-1").split(":", 1)
            assert name.lower() not in self.fields, f"{name} is there twice"
            self.fields[name.lower()] = value.strip()
        bodiless = head_only or self.status in (204, 304)
        self.length = int(self.fields.get("content-length", 0))
        self.body = b"" if bodiless else stream.read(self.length)
        assert bodiless or len(self.body) == self.length, "the body is short"


def ask(port, target="/", *fields, method="GET"):
    """One request on a connection of its own."""
    with call(port) as s, s.makefile("rb") as stream:
        s.sendall(request(target, *fields, method=method))
        return Answer(stream, method == "HEAD")


def refused_or_reset(port):
    """Whether a caller gets nothing but a refusal or a reset."""
    try:
        with call(port) as s:
            return s.recv(1) == b""
    except (ConnectionRefusedError, ConnectionResetError):
        return True
