"""Redirects of the kernel's: as a router it sends us to another on the same link (RFC 1122 §3.2.2.2, RFC 4861 §8)."""

import pytest
from captured import fields
from conftest import KERNELS, OURS
from namespace import ip, sysctl

OTHER, MAC, FAR = "10.9.0.77", "02:00:00:00:00:77", "10.8.0.1"
OURS6, ROUTER6, OTHER6, FAR6 = "fd00:9::2", "fe80::1", "fe80::77", "fd00:8::1"


@pytest.fixture
def routed(kernel_device):
    """The kernel forwards, over the link that a packet came from, to somebody who takes all and says nothing."""
    spec = kernel_device()
    sysctl("ipv4/ip_forward", 1)
    ip("neighbour", "add", OTHER, "lladdr", MAC, "dev", "pb0")
    ip("route", "add", "10.8.0.0/24", "via", OTHER)
    return f"{spec},gateway={KERNELS}"


@pytest.fixture
def routed6(kernel_device):
    sysctl("ipv6/conf/default/addr_gen_mode", 1)  # a router has one name on a link
    sysctl("ipv6/conf/default/accept_dad", 0)
    spec = kernel_device(host=f"{ROUTER6}/64", addr=f"{OURS6}/64")
    sysctl("ipv6/conf/all/forwarding", 1)
    ip("address", "add", "fd00:9::1/64", "dev", "pb0")
    ip("-6", "neighbour", "add", OTHER6, "lladdr", MAC, "dev", "pb0")
    ip("-6", "route", "add", "fd00:8::/64", "via", OTHER6, "dev", "pb0")
    return f"{spec},gateway={ROUTER6}"


def asked(capture):
    """For whom we asked by ARP, each once, in order."""
    frames = fields(capture, f"arp.opcode == 1 && arp.src.proto_ipv4 == {OURS}", "arp.dst.proto_ipv4")
    return list(dict.fromkeys(target for target, in frames))


def test_a_ping(on_stack, routed, capture):
    # Its first question may be asked before the link is up; a second one follows after a second.
    on_stack("ping", "--capture", capture, "-c", 12, "-i", "0.2", "-W", "0.2", FAR, spec=routed)
    assert fields(capture, "icmp.type == 5", "icmp.redir_gw")[0] == (OTHER,)
    assert asked(capture) == [KERNELS, OTHER]


@pytest.mark.parametrize("udp", [(), ("-u",)], ids=["tcp", "udp"])
def test_a_call(on_stack, routed, capture, udp):
    # As long as three SYNs take: the first may be sent before the link is up, another is for the second router.
    on_stack("connect", "--capture", capture, *udp, "-w", 4, FAR, 9, spec=routed, input=b"x")
    assert asked(capture) == [KERNELS, OTHER] or udp  # a datagram is sent once; TCP sends its SYN again
    assert fields(capture, "icmp.type == 5", "icmp.redir_gw")[0] == (OTHER,)


def test_a_ping6(on_stack, routed6, capture):
    """With the redirect comes the Ethernet address, so nobody is asked for it."""
    on_stack("ping", "--capture", capture, "-c", 8, "-i", "0.3", "-W", "0.2", FAR6, spec=routed6)
    assert fields(capture, "icmpv6.type == 137", "icmpv6.nd.rd.target_address")[0] == (OTHER6,)
    to = [mac for mac, in fields(capture, "icmpv6.type == 128 && ipv6.hlim == 64 && !(icmpv6.type == 137)", "eth.dst")]
    assert to[0] != MAC
    assert to[-1] == MAC
