"""Our stack and the kernel when the wire between them loses frames: every byte arrives, in order."""

import hashlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from bulk import both_ways, digest_of, kernel_server, pieces
from conftest import FULL, KERNELS, OURS
from namespace import lose, no_super_segments, run, sysctl, tc
from talk import call

MIB = 1 << 20
SIZE = (32 if FULL else 1) * MIB
LONG = 600 if FULL else 60


def dropped(qdisc):
    said = run("tc", "-s", "qdisc", "show", "dev", "pb0", stdout=subprocess.PIPE).stdout
    return int(re.search(rf"qdisc {qdisc} .*?\(dropped (\d+),", said, re.DOTALL)[1])


@pytest.mark.parametrize("timestamps", [0, 1])
@pytest.mark.parametrize("share", [0.01, 0.03])
def test_random_loss(stack, share, timestamps):
    sysctl("ipv4/tcp_timestamps", timestamps)
    stack("echo://:7")
    no_super_segments()
    lose("pb0", share)
    with call(7, OURS) as s:
        s.settimeout(LONG)
        assert both_ways(s, SIZE) == (SIZE, digest_of(SIZE))
    assert dropped("clsact") > 0


def test_random_loss_as_the_caller(on_stack, kernel_device):
    spec = kernel_device()
    no_super_segments()
    lose("pb0", 0.05)
    sent = b"".join(pieces(SIZE))
    with kernel_server(KERNELS, lambda s: both_ways(s, SIZE), LONG) as (port, results):
        done = on_stack("connect", KERNELS, port, spec=spec, input=sent, timeout=LONG)
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(done.stdout).hexdigest() == digest_of(SIZE)
    assert results == [(SIZE, hashlib.sha256(sent).hexdigest())]
    assert dropped("clsact") > 0


def test_bottleneck(stack):
    """A slow link with a short queue in the kernel's direction to us: it drops what does not fit."""
    stack("echo://:7")
    no_super_segments()
    tc("qdisc", "add", "dev", "pb0", "root", "tbf", "rate", "50mbit", "burst", "16k", "limit", "16k")
    size = (64 if FULL else 4) * MIB
    with call(7, OURS) as s:
        s.settimeout(LONG)
        assert both_ways(s, size) == (size, digest_of(size))
    assert dropped("tbf") > 0


def test_many_connections_under_loss(stack):
    """Side by side, for a SYN that is lost costs a second."""

    def use(number):
        text = b"%d\n" % number
        with call(7, OURS) as s:
            s.sendall(text)
            return s.recv(64) == text

    stack("echo://:7", args=["--log", "none"])
    lose("pb0", 0.02)
    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(use, range(200)))
    assert dropped("clsact") > 0
