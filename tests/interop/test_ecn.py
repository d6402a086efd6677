"""Explicit congestion notification between our stack and the kernel: who asks, who agrees, marks and what answers them."""

import subprocess
from contextlib import contextmanager

import pytest
from bulk import both_ways, digest_of, kernel_server
from conftest import FULL, KERNELS, OURS
from namespace import counters, drop_setup_syns, marking, no_super_segments, socket_info, sysctl
from talk import call, need

SIZE = (64 if FULL else 4) << 20
LONG = 300 if FULL else 60
NOT_ECT, ECT0, CE = "0", "2", "3"  # RFC 3168 5
FIELDS = ("ip.src", "ip.dsfield.ecn", "tcp.flags", "tcp.len", "tcp.analysis.retransmission")
SYN, ECE, CWR, AE = 0x02, 0x40, 0x80, 0x100


class Segment:
    def __init__(self, line):
        self.source, self.ecn, flags, length, again = line.split("\t")
        self.flags, self.length, self.again = int(flags, 16), int(length), bool(again)


def segments(path, port=7):
    found = subprocess.run(
        [need("tshark"), "-r", path, "-Y", f"tcp.port == {port}", "-T", "fields", *(arg for name in FIELDS for arg in ("-e", name))],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout.splitlines()
    return [Segment(line) for line in found]


def sent_by(source, found):
    """Behind the handshake."""
    return [s for s in found if s.source == source and not s.flags & SYN]


def asked(found):
    """The ECN flags of the SYN and the SYN-ACK."""
    return [s.flags & (ECE | CWR) for s in found if s.flags & SYN]


@contextmanager
def recorded(server):
    """Used, then closed, so that the capture is complete."""
    yield
    server.term()
    assert server.wait() == 0


def reno():
    """Some kernels' default does not heed marks (BBR), and this one every namespace may choose."""
    sysctl("ipv4/tcp_congestion_control", "reno")


def check_ours(found):
    """RFC 3168 6.1.2 to 6.1.5, of what we sent."""
    for s in sent_by(OURS, found):
        assert s.ecn in (NOT_ECT, ECT0)
        if not s.length or s.again:
            assert s.ecn == NOT_ECT
        if s.flags & CWR:
            assert s.length and not s.again
    assert all(s.ecn == NOT_ECT for s in found if s.flags & SYN)


def flagged(found, source, flag):
    return sum(bool(s.flags & flag) for s in sent_by(source, found))


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_marks_both_ways(stack, capture, share):
    """The kernel calls and asks. What either sends is marked now and then; each echoes that, and reduces its window."""
    reno()
    sysctl("ipv4/tcp_ecn", 1)
    with recorded(stack("echo://:7", args=["--capture", str(capture)])):
        no_super_segments()
        with marking("pb0", share), call(7, OURS) as s:
            s.settimeout(LONG)
            assert socket_info(7)["ecn"]
            assert both_ways(s, SIZE) == (SIZE, digest_of(SIZE))
    found = segments(capture)
    assert asked(found) == [ECE | CWR, ECE]
    check_ours(found)
    for source in (OURS, KERNELS):
        assert flagged(found, source, ECE) > 0
        assert flagged(found, source, CWR) > 0
    assert sum(s.ecn == CE for s in sent_by(KERNELS, found)) > 0
    counted = counters()
    assert counted["IpExtInECT0Pkts"] > 0
    assert counted["IpExtInCEPkts"] > 0
    assert counted["TcpExtTCPDeliveredCE"] > 0  # what our ECE told the kernel


@pytest.fixture
def called(serve, kernel_device, capture):
    """A connection that our stack makes to a server of the kernel's, for a caller of its relay: its port, and the caller."""

    @contextmanager
    def begin(size, **more):
        spec = ",".join([kernel_device(), *(f"{key}={value}" for key, value in more.items())])
        with kernel_server(KERNELS, lambda s: both_ways(s, size), LONG) as (port, results):
            server = serve("--net", spec, "--capture", str(capture), f"relay://:7,to={KERNELS}:{port}")
            with recorded(server), call(7, OURS) as s:
                s.settimeout(LONG)
                yield port, s
        assert results == [(size, digest_of(size))]

    return begin


@pytest.mark.parametrize("ecn", ["ask", "accurate"])
def test_as_the_caller(called, capture, ecn):
    """We ask, and the kernel agrees by default; itself it does not ask. Few kernels know of more accurate feedback yet."""
    reno()
    with called(SIZE, ecn=ecn) as (port, s):
        no_super_segments()
        with marking("pb0", 0.2):
            assert both_ways(s, SIZE) == (SIZE, digest_of(SIZE))
    found = segments(capture, port)
    assert asked(found) == [ECE | CWR, ECE]
    assert [s.flags & AE for s in found if s.flags & SYN] == [AE if ecn == "accurate" else 0, 0]
    check_ours(found)
    for source in (OURS, KERNELS):
        assert flagged(found, source, ECE) > 0
        assert flagged(found, source, CWR) > 0
    assert asked(segments(capture)) == [0, 0]


def test_super_segments(stack, capture):
    """Not cut before the device: CWR, on the first piece alone, is the business of who cuts (VIRTIO_NET_HDR_GSO_ECN)."""
    reno()
    sysctl("ipv4/tcp_ecn", 1)
    with recorded(stack("echo://:7", args=["--capture", str(capture)])), marking("pb0", 0.2), call(7, OURS) as s:
        s.settimeout(LONG)
        assert both_ways(s, SIZE) == (SIZE, digest_of(SIZE))
    found = segments(capture)
    check_ours(found)
    assert flagged(found, OURS, CWR) > 0
    assert flagged(found, KERNELS, CWR) > 0


@pytest.mark.parametrize("kernels, ours", [(0, "ask"), (2, "ask"), (1, "off")])
def test_nobody_asks(stack, capture, kernels, ours):
    sysctl("ipv4/tcp_ecn", kernels)
    with recorded(stack("echo://:7", args=["--capture", str(capture)], ecn=ours)), call(7, OURS) as s:
        s.settimeout(LONG)
        assert both_ways(s, 1 << 20) == (1 << 20, digest_of(1 << 20))
    found = segments(capture)
    assert asked(found) == [ECE | CWR if kernels == 1 else 0, 0]
    assert all(s.ecn == NOT_ECT and not s.flags & (ECE | CWR) for s in found if not s.flags & SYN)


def test_refused_by_the_kernel(called, capture):
    sysctl("ipv4/tcp_ecn", 0)
    with called(1000, ecn="ask") as (port, s):
        assert both_ways(s, 1000) == (1000, digest_of(1000))
    found = segments(capture, port)
    assert asked(found) == [ECE | CWR, 0]
    assert all(s.ecn == NOT_ECT for s in found)


def test_setup_syns_are_dropped(on_stack, kernel_device, capture):
    """RFC 3168 6.1.1.1: our second SYN asks for nothing, and passes."""
    spec = kernel_device()
    drop_setup_syns("pb0")
    with kernel_server(KERNELS, lambda s: both_ways(s, 1000), LONG) as (port, _):
        done = on_stack("connect", "--capture", capture, KERNELS, port, spec=f"{spec},ecn=ask", input=b"x" * 1000, timeout=LONG)
    assert done.returncode == 0, done.stderr
    found = segments(capture, port)
    assert asked(found) == [ECE | CWR, 0, 0]
    assert all(s.ecn == NOT_ECT for s in found)
