"""packetboat connect: the ways in which a call ends while something is still under way."""

import os
import resource
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PACKETBOAT", str(ROOT / "build" / "packetboat"))
PATIENCE = 20


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(PATIENCE)
        yield s


@pytest.fixture
def call(listener):
    """Start `packetboat connect` to the listener: the process, and the accepted side of its connection."""
    ends = []

    def start(*options):
        caller = subprocess.Popen([PROGRAM, "connect", "-v", *options, "127.0.0.1", str(listener.getsockname()[1])],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        peer, _ = listener.accept()
        ends.extend([(caller, peer)])
        return caller, peer

    yield start
    for caller, peer in ends:
        peer.close()
        caller.kill()
        caller.communicate()


def test_what_the_peer_sent_outlives_a_failed_send(call):
    """The peer sends more than connect and its pipe take, and resets; only then is there something to send to it."""
    caller, peer = call()
    data = os.urandom(150000)
    peer.sendall(data)
    time.sleep(0.2)  # until connect stands still, and its kernel has the rest
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    caller.stdin.write(b"too late")
    caller.stdin.flush()
    time.sleep(0.2)
    out, err = caller.communicate(timeout=PATIENCE)
    assert out == data
    assert caller.returncode == 4 and b"sending to 127.0.0.1" in err


def test_sending_is_no_silence(call):
    """The idle time ends a call in which nothing moves, not one in which only we talk."""
    caller, peer = call("-i", "0.5")
    for _ in range(10):
        caller.stdin.write(b"x")
        caller.stdin.flush()
        time.sleep(0.1)
    assert caller.poll() is None
    began = time.monotonic()
    assert caller.wait(PATIENCE) == 5
    assert time.monotonic() - began > 0.3


def test_a_reader_that_leaves_is_noticed_at_once(call):
    caller, peer = call()
    caller.stdout.close()
    assert caller.wait(PATIENCE) == 0  # though nothing was there to be written
    caller.stdout = None


def test_no_descriptor_to_be_had():
    """Three are the program's, one is the loop's: the call itself has none."""
    caller = subprocess.run([PROGRAM, "connect", "127.0.0.1", "9"], stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=PATIENCE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4)))
    assert caller.returncode == 1
    assert caller.stderr == b"packetboat connect: cannot connect to 127.0.0.1:9: Too many open files\n"
