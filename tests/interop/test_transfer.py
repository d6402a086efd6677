"""Bytes both ways at once between our stack and the kernel, whatever the link carries and the kernel is told not to use."""

import itertools
import re
import subprocess

import pytest
from bulk import both_ways, digest_of, kernel_server, pieces
from conftest import FULL, KERNELS, OURS
from namespace import run, socket_info, sysctl
from talk import PATIENCE, call

MIB = 1 << 20
BULK = (1024 if FULL else 64) * MIB
SOME = (256 if FULL else 4) * MIB
LONG = 300 if FULL else 60  # seconds, on a busy machine
MTUS = [576, 1500, 9000, 65521]
WITHOUT = [pytest.param(*switches, id=",".join(name for name, on in zip(("scaling", "timestamps", "sack"), switches) if on)
                        or "nothing") for switches in itertools.product([0, 1], repeat=3)]


def echo_both_ways(size, look=lambda info: None, address=OURS):
    """Send so much to our echo and compare what comes back; look at what `ss -ti` says of the new connection."""
    with call(7, address) as s:
        s.settimeout(LONG)
        look(socket_info(7))
        assert both_ways(s, size) == (size, digest_of(size))


def connect_both_ways(on_stack, spec, tmp_path, size, address=KERNELS):
    """The same with our `connect` as the caller of a server of the kernel's."""
    sent, received = tmp_path / "sent", tmp_path / "received"
    with sent.open("wb") as f:
        f.writelines(pieces(size))
    with kernel_server(address, lambda s: both_ways(s, size), LONG) as (port, results):
        with sent.open("rb") as f, received.open("wb") as out:
            done = on_stack("connect", address, port, spec=spec, input=None, stdin=f, stdout=out, timeout=LONG)
    assert done.returncode == 0, done.stderr
    assert results == [(size, digest_of(size))]
    subprocess.run(["cmp", sent, received], check=True)


@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_both_ways_at_once(stack, kind):
    stack("echo://:7", kind=kind)
    echo_both_ways(BULK)


@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_both_ways_at_once_as_the_caller(on_stack, kernel_device, tmp_path, kind):
    connect_both_ways(on_stack, kernel_device(kind), tmp_path, BULK)


@pytest.mark.parametrize("mtu", MTUS)
@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_mtu(stack, kind, mtu):
    def look(info):
        assert info["advmss"] == mtu - 40 - 12  # RFC 9293 3.7.1; the kernel counts its timestamps off
        assert info["mss"] <= mtu - 40 - 12
        assert info["pmtu"] == mtu

    stack("echo://:7", kind=kind, mtu=mtu)
    echo_both_ways(SOME, look)


@pytest.mark.parametrize("mtu", MTUS)
def test_pings_that_fit_and_fragments(stack, mtu):
    stack("echo://:7", mtu=mtu)
    for size in sorted({mtu - 28, min(mtu - 27, 65507), 65507}):
        dont_fragment = "do" if size + 28 <= mtu else "dont"
        run("ping", "-c", 3, "-i", "0.01", "-W", PATIENCE, "-q", "-s", size, "-M", dont_fragment, OURS,
            stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("scaling, timestamps, sack", WITHOUT)
class TestKernelThatKnowsOnly:
    @pytest.fixture(autouse=True)
    def switched(self, namespace, scaling, timestamps, sack):
        for name, value in (("window_scaling", scaling), ("timestamps", timestamps), ("sack", sack)):
            sysctl(f"ipv4/tcp_{name}", value)

    def test_calls_us(self, stack, scaling, timestamps, sack):
        def look(info):
            assert ("wscale" in info) == bool(scaling)
            assert ("ts" in info) == bool(timestamps)
            assert sack or "sack" not in info

        stack("echo://:7")
        echo_both_ways(SOME, look)

    def test_is_called(self, on_stack, kernel_device, tmp_path, scaling, timestamps, sack):
        connect_both_ways(on_stack, kernel_device(), tmp_path, SOME)
