"""packetboat connect: what goes in comes out, and the exit status says how it went."""

import os
import re
import socket
import subprocess
import threading

import pytest
from talk import PATIENCE


@pytest.fixture
def echo(serve):
    return serve("echo://127.0.0.1:0").port


class Peer:
    """A server for one caller, in a thread: talk(s) is what it does with him."""

    def __init__(self, talk):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.listener.settimeout(PATIENCE)
        self.thread = threading.Thread(target=self.run, args=(talk,))
        self.thread.start()

    def run(self, talk):
        s, _ = self.listener.accept()
        with s:
            s.settimeout(PATIENCE)
            talk(s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.listener.close()


@pytest.fixture
def closed_port():
    """A port that nobody listens on, and nobody else gets."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


def test_input_goes_and_the_answer_comes(echo, packetboat, big):
    short = packetboat("connect", "127.0.0.1", echo, input=b"hello\n")
    assert (short.returncode, short.stdout, short.stderr) == (0, b"hello\n", "")
    assert packetboat("connect", "localhost", echo, input=b"").returncode == 0
    assert packetboat("connect", "127.0.0.1", echo, input=big).stdout == big


def test_output_to_a_file(echo, packetboat, big, tmp_path):
    with (tmp_path / "out").open("wb") as out:
        assert packetboat("connect", "127.0.0.1", echo, input=big, stdout=out).returncode == 0
    assert (tmp_path / "out").read_bytes() == big


def test_half_close(packetboat):
    """The peer answers only when it has seen the end of input, and still can."""
    seen = []

    def talk(s):
        seen.append(b"".join(iter(lambda: s.recv(4096), b"")))
        s.sendall(b"got %d" % len(seen[0]))

    with Peer(talk) as peer:
        done = packetboat("connect", "127.0.0.1", peer.port, input=b"x" * 100000)
    assert done.returncode == 0 and done.stdout == b"got 100000" and seen == [b"x" * 100000]


def test_verbose_tells_each_step(echo, packetboat):
    done = packetboat("connect", "-v", "127.0.0.1", echo, input=b"12345")
    assert done.stdout == b"12345"
    steps = [rf"connecting to 127\.0\.0\.1:{echo}/tcp", r"the ephemeral port chosen is \d+",
             rf"connected 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:{echo}", "end of input: closed our side",
             "the peer closed its side", "sent 5 bytes, received 5; we closed first"]
    at = -1
    for step in steps:
        match = re.search(rf"^\* {step}", done.stderr, re.M)
        assert match and match.start() > at, step
        at = match.start()


def test_a_peer_that_closes_first(packetboat):
    with Peer(lambda s: s.sendall(b"bye")) as peer:
        done = packetboat("connect", "-v", "127.0.0.1", peer.port)
    assert done.returncode == 0 and done.stdout == b"bye"


def test_nobody_has_the_name(packetboat, nobodys_name):
    done = packetboat("connect", nobodys_name, 80)
    assert done.returncode == 3 and nobodys_name in done.stderr and done.stdout == b""


def test_refused(packetboat, closed_port):
    done = packetboat("connect", "127.0.0.1", closed_port)
    assert done.returncode == 4
    assert f"cannot connect to 127.0.0.1:{closed_port}: Connection refused" in done.stderr


def test_reset(packetboat):
    def talk(s):
        s.recv(1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with Peer(talk) as peer:
        assert packetboat("connect", "127.0.0.1", peer.port, input=b"x").returncode == 4


def test_silence(echo, packetboat):
    reader, writer = os.pipe()
    try:  # an input that never ends
        silent = packetboat("connect", "-i", "0.3", "127.0.0.1", echo, input=None, stdin=reader)
    finally:
        os.close(reader)
        os.close(writer)
    assert silent.returncode == 5


def test_full_disk(echo, packetboat):
    with open("/dev/full", "wb") as full:
        done = packetboat("connect", "127.0.0.1", echo, input=b"x" * 100000, stdout=full)
    assert done.returncode == 1 and "cannot write to standard output: No space left" in done.stderr


def test_a_reader_that_has_had_enough(serve, packetboat):
    port = serve("chargen://127.0.0.1:0,only=tcp").port
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert packetboat("connect", "127.0.0.1", port, stdout=writer).returncode == 0
    finally:
        os.close(writer)


@pytest.mark.parametrize("args", [[], ["127.0.0.1"], ["127.0.0.1", "0"], ["127.0.0.1", "65536"],
                                  ["127.0.0.1", "nosuchname"], ["127.0.0.1", "1", "2"], ["-x", "127.0.0.1", "1"],
                                  ["-w", "soon", "127.0.0.1", "1"], ["--md5key", "/none/such", "127.0.0.1", "1"],
                                  ["--md5key", "/dev/null", "127.0.0.1", "1"],
                                  ["--aokey", "/dev/null", "127.0.0.1", "1"]])
def test_wrong_usage(packetboat, args):
    done = packetboat("connect", *args)
    assert done.returncode == 2 and done.stderr.startswith("packetboat connect: ")


@pytest.mark.parametrize("wrong", ["", "wrong horse"])
def test_signed(serve, packetboat, tmp_path, wrong):
    """Both ends are the kernel's; what it makes of the key shows that it has it, and nobody is told the key."""
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_text("correct horse\n")
    other.write_text(f"{wrong}\n")
    server = serve(f"echo://127.0.0.1:0,only=tcp,md5key={key}")
    done = packetboat("connect", "-v", "--md5key", key, "127.0.0.1", server.port, input=b"x")
    assert (done.returncode, done.stdout) == (0, b"x"), done.stderr
    assert "horse" not in done.stderr
    args = ["--md5key", other] if wrong else []
    assert packetboat("connect", "-w", 1, *args, "127.0.0.1", server.port, input=b"").returncode == 5


def test_udp(echo, packetboat):
    done = packetboat("connect", "-u", "-v", "127.0.0.1", echo, input=b"datagram")
    assert done.stderr.endswith("sent 8 bytes, received 8\n")  # and nobody closed anything
    assert done.returncode == 0 and done.stdout == b"datagram"
    done = packetboat("connect", "-u", "-i", "0.3", "127.0.0.1", echo, input=b"")
    assert done.returncode == 0 and done.stdout == b""


def test_udp_refused(packetboat):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.connect(s.getsockname())  # hears nobody but itself, so that a datagram meets an ICMP error
        done = packetboat("connect", "-u", "127.0.0.1", s.getsockname()[1], input=b"anybody?")
    assert done.returncode == 4
