"""A network namespace of the test's own, and what the kernel can be told in it.

The thread that runs the tests moves into a new namespace and back: programs that it starts and threads that it makes
meanwhile belong to the new one, and it is gone when the last of them has ended.
"""

import ctypes
import os
import platform
import re
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from talk import PATIENCE, need

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


def settle(device):
    """Wait until the kernel has noticed a device's carrier, for which it may take a second.

    Before, its IPv6 addresses there are tentative, and who calls does it from another interface's, which is no use.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        said = run("ip", "-o", "address", "show", "dev", device, stdout=subprocess.PIPE).stdout
        flags = run("ip", "-o", "link", "show", "dev", device, stdout=subprocess.PIPE).stdout
        if "tentative" not in said and "LOWER_UP" in flags:
            return
        time.sleep(0.01)
    raise AssertionError(f"{device} is not up: {flags}{said}")


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


def instruction(code, to=0, source=0, offset=0, value=0):
    """Of eBPF, as <linux/bpf.h> lays it out."""
    return struct.pack("=BBhi", code, source << 4 | to, offset, value - (1 << 32) if value >= 1 << 31 else value)


def bpf(command, attributes):
    """bpf(2)."""
    number = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
    if number is None:
        pytest.skip("no number of bpf(2) for this machine is known here")
    given = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(number, command, given, 128)
    if result < 0:
        error = ctypes.get_errno()
        pytest.skip(f"the kernel takes no eBPF from us: {os.strerror(error)}")
    return result


BPF_PROG_LOAD, BPF_LINK_CREATE = 5, 28
BPF_PROG_TYPE_SCHED_CLS = 3
BPF_TCX_INGRESS, BPF_TCX_EGRESS = 46, 47


@contextmanager
def marking(device, share):
    """Have the kernel mark a share of what comes from a device, and of what goes to it: CE where it is ECT (RFC 3168 5).

    Queues that mark are not in every kernel; eBPF's helper that sets the mark is.
    """
    program = b"".join([
        instruction(0xBF, 6, 1),  # r6 = the packet
        instruction(0x85, value=7),  # bpf_get_prandom_u32()
        instruction(0x36, 0, offset=2, value=int(share * (RANDOM_RANGE - 1))),  # not below the share: on
        instruction(0xBF, 1, 6),
        instruction(0x85, value=97),  # bpf_skb_ecn_set_ce(the packet)
        instruction(0xB7, 0, value=-1),  # TCX_NEXT
        instruction(0x95)])
    code, license_ = ctypes.create_string_buffer(program, len(program)), ctypes.create_string_buffer(b"GPL")
    opened = [bpf(BPF_PROG_LOAD, struct.pack("=IIQQ", BPF_PROG_TYPE_SCHED_CLS, len(program) // 8, ctypes.addressof(code),
                                             ctypes.addressof(license_)))]
    try:
        for direction in (BPF_TCX_INGRESS, BPF_TCX_EGRESS):
            opened.append(bpf(BPF_LINK_CREATE, struct.pack("=IIII", opened[0], socket.if_nametoindex(device), direction, 0)))
        yield
    finally:
        for fd in opened:
            os.close(fd)


def drop_setup_syns(device):
    """Have the kernel drop SYNs that ask for ECN, as some firewalls do: what comes from a device, IPv4 over Ethernet."""
    program = "4,48 0 0 47,21 0 1 194,6 0 0 2,6 0 0 4294967295"  # ldb [14 + 20 + 13]; jeq #SYN|ECE|CWR, drop, pass
    try:
        tc("qdisc", "add", "dev", device, "clsact")
        tc("filter", "add", "dev", device, "ingress", "bpf", "da", "bytecode", program)
    except subprocess.CalledProcessError:
        pytest.skip("the kernel has no clsact, or takes no BPF there")


def counters():
    """What `nstat -az` says of the namespace."""
    said = run("nstat", "-asz", stdout=subprocess.PIPE).stdout
    return {words[0]: int(words[1]) for words in map(str.split, said.splitlines()) if len(words) > 1 and words[1].isdigit()}


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
