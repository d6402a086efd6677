"""TCP fast open (RFC 7413) between our stack and the kernel: cookies asked for, given, and used, both ways round."""

import os
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import KERNELS, OURS
from namespace import counters, sysctl
from talk import PATIENCE, need

PROGRAM = Path(os.environ.get("BUILD", "build")) / "tests" / "fast_open"
MSG_FASTOPEN, TCP_FASTOPEN = 0x20000000, 23  # <sys/socket.h>, <netinet/tcp.h>
CLIENT_AND_SERVER = 3  # ip-sysctl.rst, tcp_fastopen
CALLS = 3
FIELDS = ("ip.src", "tcp.flags.ack", "tcp.len", "tcp.options.tfo.request", "tcp.options.tfo.cookie")


def syns(path):
    """SYNs and SYN-ACKs: who sent it, whether it acknowledges, its text's length, asks for a cookie, the cookie.

    The first of each call and direction: on a busy machine, or a link that comes up late, one is sent again, and then
    without fast open (RFC 7413 §4.1.3).
    """
    found = subprocess.run(
        [need("tshark"), "-r", path, "-Y", "tcp.flags.syn == 1", "-T", "fields", "-e", "tcp.stream",
         *(arg for name in FIELDS for arg in ("-e", name))],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout.splitlines()
    first = {}
    for stream, *fields in (line.split("\t") for line in found):
        first.setdefault((stream, fields[0]), fields)
    return list(first.values())


@pytest.fixture
def ours(kernel_device, capture):
    """Start our side, in the present namespace."""
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built")
    sysctl("ipv4/tcp_fastopen", CLIENT_AND_SERVER)
    kernel_device()
    started = []

    def start(*args):
        command = [PROGRAM, "pb0", OURS, capture, *map(str, args)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def cookies_of(found, caller):
    """What the first call was told, and the others said; text in SYNs, acknowledged or not, is checked on the way."""
    calls = [s for s in found if s[0] == caller]
    answers = [s for s in found if s[0] != caller]
    assert len(calls) == len(answers) == CALLS
    assert calls[0][2] == "0" and not calls[0][4]  # asks
    assert all(s[2] == "5" for s in calls[1:])  # text, with the SYN
    return answers[0][4], [s[4] for s in calls[1:]]


def test_kernel_is_server(ours, capture):
    with socket.create_server((KERNELS, 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
        listener.settimeout(PATIENCE)
        process = ours("call", KERNELS, listener.getsockname()[1], CALLS)
        for _ in range(CALLS):
            s, _ = listener.accept()
            with s:
                s.settimeout(PATIENCE)
                assert s.recv(100) == b"hello"
                s.sendall(b"you")
                assert s.recv(100) == b""
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert said.splitlines() == ["0 not"] + ["5 acknowledged"] * (CALLS - 1)
    given, used = cookies_of(syns(capture), OURS)
    assert len(given) == 16 and used == [given] * (CALLS - 1)
    assert counters()["TcpExtTCPFastOpenPassive"] == CALLS - 1


def test_kernel_is_client(ours, capture):
    process = ours("serve", 7, CALLS)
    assert process.stdout.readline() == "ready\n"
    for _ in range(CALLS):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(PATIENCE), 0))  # it blocks
            assert s.sendto(b"hello", MSG_FASTOPEN, (OURS, 7)) == 5
            s.settimeout(PATIENCE)
            assert s.recv(100) == b"you"
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert said.splitlines() == ["0 not"] + ["0 acknowledged"] * (CALLS - 1)
    given, used = cookies_of(syns(capture), KERNELS)
    assert len(given) == 16 and used == [given] * (CALLS - 1)
    assert counters()["TcpExtTCPFastOpenActive"] == CALLS - 1
