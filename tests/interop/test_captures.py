"""What Wireshark thinks of our frames: nothing malformed, every checksum right, each remark explained."""

import socket
import subprocess
import time

import pytest
from bulk import both_ways, digest_of, kernel_server
from captured import remarks
from conftest import KERNELS, OURS
from namespace import lose, no_super_segments, run
from talk import PATIENCE, call

# Remarks that tell what happened, and that nothing is wrong with it.
CLOSING = {"This frame initiates the connection closing", "This frame undergoes the connection closing"}
REFUSED = {"Connection reset (RST)"}  # the answer to SYN, where nobody listens
FULL_WINDOW = {  # a reader slower than the writer
    "TCP Zero Window segment", "TCP window specified by the receiver is now completely full",
    "TCP Zero Window Probe", "ACK to a TCP Zero Window Probe",
    "TCP keep-alive segment", "ACK to a TCP keep-alive segment"}
IMPATIENCE = {  # tail loss probes, when the machine is busy and the other side late by two round trips: RFC 8985 7
    "This frame is a (suspected) retransmission", "This frame is a (suspected) spurious retransmission",
    "Duplicate ACK", "D-SACK Sequence"}
PROBE_TAKEN = {  # the byte of a probe that found room is new text, which tshark does not count
    (KERNELS, "ACKed segment that wasn't captured (common at capture start)"),
    (OURS, "Previous segment(s) not captured (common at capture start)")}
LOSS = {  # what both ends do when frames are lost
    "Duplicate ACK", "D-SACK Sequence",
    "This frame is a (suspected) retransmission", "This frame is a (suspected) fast retransmission",
    "This frame is a (suspected) spurious retransmission", "This frame is a (suspected) out-of-order segment",
    "Previous segment(s) not captured (common at capture start)",
    "ACKed segment that wasn't captured (common at capture start)"}


def unexplained(path, frames_min, *explained):
    frames, found = remarks(path)
    assert frames >= frames_min
    fine = IMPATIENCE.union(*explained)
    return {(source, message): count for (source, message), count in found.items()
            if message not in fine and (source, message) not in fine}


@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_all_that_goes_well(stack, capture, site, kind):
    server = stack("echo://:7", "daytime://:13", f"http://:80,root={site}", args=["--capture", str(capture)], kind=kind)
    with call(7, OURS) as s:
        assert both_ways(s, 1 << 20) == (1 << 20, digest_of(1 << 20))
    run("curl", "-sSf", "--max-time", PATIENCE, f"http://{OURS}/medium.bin", stdout=subprocess.DEVNULL)
    with call(13, OURS) as s:  # the server closes first
        assert s.makefile("rb").read()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((OURS, 7))
        for size in (0, 1, 1472, 1473, 9000):  # from a whole packet to fragments
            s.send(b"x" * size)
            assert len(s.recv(65536)) == size
    run("ping", "-q", "-c", 3, "-i", "0.01", "-s", 3001, OURS, stdout=subprocess.DEVNULL)
    server.term()
    assert server.wait() == 0
    assert unexplained(capture, 200, CLOSING, FULL_WINDOW) == {}


def test_refusals(stack, capture):
    server = stack("echo://:7,only=tcp", args=["--capture", str(capture)])
    with pytest.raises(ConnectionRefusedError):
        call(9, OURS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((OURS, 9))
        s.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            s.recv(1)
    server.term()
    assert server.wait() == 0
    assert unexplained(capture, 6, REFUSED) == {}


def test_as_the_caller(on_stack, kernel_device, capture):
    spec = kernel_device(mtu=9000)
    with kernel_server(KERNELS, lambda s: both_ways(s, 1 << 20), PATIENCE) as (port, _):
        done = on_stack("connect", "--capture", capture, KERNELS, port, spec=spec, input=b"x" * (1 << 20))
    assert done.returncode == 0, done.stderr
    assert unexplained(capture, 200, CLOSING, FULL_WINDOW) == {}


def test_slow_reader(stack, capture):
    """The kernel closes its window to us, and we ours to it."""
    server = stack("echo://:7", args=["--capture", str(capture)])
    with call(7, OURS, receive_buffer=4096) as s:
        s.setblocking(False)
        sent = 0
        try:
            while True:
                sent += s.send(b"x" * 65536)
        except BlockingIOError:
            pass
        time.sleep(0.5)  # both ends probe
        s.settimeout(PATIENCE)
        s.shutdown(socket.SHUT_WR)
        received = 0
        while count := len(s.recv(65536)):
            received += count
        assert received == sent
    server.term()
    assert server.wait() == 0
    assert unexplained(capture, 100, CLOSING, FULL_WINDOW, PROBE_TAKEN) == {}


def test_under_loss(stack, capture):
    server = stack("echo://:7", args=["--capture", str(capture)])
    no_super_segments()
    lose("pb0", 0.02)
    with call(7, OURS) as s:
        s.settimeout(PATIENCE)
        assert both_ways(s, 1 << 20) == (1 << 20, digest_of(1 << 20))
    server.term()
    assert server.wait() == 0
    assert unexplained(capture, 1000, CLOSING, FULL_WINDOW, LOSS) == {}
