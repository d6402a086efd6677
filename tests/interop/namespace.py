"""A network namespace of the test's own, and what the kernel can be told in it.

The thread that runs the tests moves into a new namespace and back: programs that it starts and threads that it makes
meanwhile belong to the new one, and it is gone when the last of them has ended.
"""

import ctypes
import os
import re
import subprocess
from pathlib import Path

import pytest
from talk import need

CLONE_NEWNET = 0x40000000  # <sched.h>
RANDOM_RANGE = 1 << 32  # what classic BPF's random number is below
RANDOM = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM of <linux/filter.h>

libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Namespace:
    """Entering it raises OSError where that is not permitted."""

    def __enter__(self):
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            check(libc.unshare(CLONE_NEWNET))
        except OSError:
            os.close(self.outside)
            raise
        ip("link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        check(libc.setns(self.outside, CLONE_NEWNET))
        os.close(self.outside)


def run(program, *args, **options):
    return subprocess.run([need(program), *map(str, args)], check=True, text=True, **options)


def ip(*args):
    run("ip", *args)


def tc(*args):
    run("tc", *args)


def sysctl(name, value):
    """Set one of /proc/sys/net, as in sysctl("ipv4/tcp_sack", 0); it is of the namespace that asks."""
    (Path("/proc/sys/net") / name).write_text(f"{value}\n")


def no_super_segments(device="pb0"):
    """From the kernel: one lost frame shall be one segment."""
    ip("link", "set", device, "gso_max_segs", 1)


def lose(device, share):
    """Have the kernel drop a share of what comes from a device, and of what goes to it, at random.

    netem would do it; many kernels are built without. A classic BPF program that asks for a random number needs only
    the packet classifier, which more of them have.
    """
    program = (f"4,32 0 0 {RANDOM},53 0 1 {int(share * RANDOM_RANGE)},"  # ld rand; jge #share, pass, drop
               "6 0 0 4294967295,6 0 0 2")  # pass: TC_ACT_UNSPEC, drop: TC_ACT_SHOT of <linux/pkt_cls.h>
    try:
        tc("qdisc", "add", "dev", device, "clsact")
        for direction in ("ingress", "egress"):
            tc("filter", "add", "dev", device, direction, "bpf", "da", "bytecode", program)
    except subprocess.CalledProcessError:
        pytest.skip("the kernel has no clsact, or takes no BPF there")


def socket_info(port):
    """What `ss -ti` says of the only connection to a port: numbers where there are some, True for a mere word."""
    lines = run("ss", "-tionH", "dport", f"= :{port}", stdout=subprocess.PIPE).stdout.splitlines()
    assert len(lines) == 2, lines
    info = {}
    for word in lines[1].split():
        name, _, value = word.partition(":")
        number = re.match(r"[\d.]+", value)
        info[name] = float(number[0]) if number else value or True
    return info
