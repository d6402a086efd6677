"""Our stack and the kernel over IPv6: much as over IPv4, and how addresses come about."""

import json
import socket
import subprocess

import pytest
from conftest import FULL
from namespace import ip, run, sysctl
from router import advertising
from talk import PATIENCE, call
from test_transfer import BULK, SOME, connect_both_ways, echo_both_ways

OURS, KERNELS, PREFIX = "fd00:9::2", "fd00:9::1", "fd00:9::"
MTUS = [1280, 1500, 9000]
REFUSED = 4


@pytest.fixture(autouse=True)
def no_detection(namespace):
    """The kernel's addresses can be used at once."""
    sysctl("ipv6/conf/default/accept_dad", 0)


@pytest.fixture
def stack6(stack):
    def start(*services, **options):
        return stack(*services, host=f"{KERNELS}/64", addr=f"{OURS}/64", **options)

    return start


@pytest.fixture
def device6(kernel_device):
    def make(kind="tap", **options):
        return kernel_device(kind, host=f"{KERNELS}/64", addr=f"{OURS}/64", **options)

    return make


@pytest.mark.parametrize("kind", ["tap", "tun"])
class TestBothWaysAtOnce:
    def test_as_the_server(self, stack6, kind):
        stack6("echo://:7", kind=kind)
        echo_both_ways(BULK, address=OURS)

    def test_as_the_caller(self, on_stack, device6, tmp_path, kind):
        connect_both_ways(on_stack, device6(kind), tmp_path, BULK, address=KERNELS)


@pytest.mark.parametrize("mtu", MTUS)
class TestMtu:
    def test_segments(self, stack6, mtu):
        def look(info):
            assert info["advmss"] == mtu - 60 - 12  # RFC 9293 3.7.1; the kernel counts its timestamps off
            assert info["mss"] <= mtu - 60 - 12
            assert info["pmtu"] == mtu

        stack6("echo://:7", mtu=mtu)
        echo_both_ways(SOME, look, address=OURS)

    def test_pings_that_fit_and_fragments(self, stack6, mtu):
        stack6("echo://:7", mtu=mtu)
        for size in (mtu - 48, mtu - 47, 65527):
            dont_fragment = "do" if size + 48 <= mtu else "dont"
            run("ping", "-6", "-c", 3, "-i", "0.01", "-W", PATIENCE, "-q", "-s", size, "-M", dont_fragment, OURS,
                stdout=subprocess.DEVNULL)

    def test_our_pings_and_fragments(self, on_stack, device6, mtu):
        spec = device6(mtu=mtu)
        for size in (mtu - 48, mtu - 47, 20000):
            done = on_stack("ping", "-c", 2, "-i", "0.05", "-s", size, KERNELS, spec=spec)
            assert done.returncode == 0, done.stderr


def test_link_local_addresses(stack6, namespace):
    """The zone after the % is the device, by the name that the kernel knows it by (RFC 4007 11)."""
    run("ip", "tuntap", "add", "dev", "other0", "mode", "tap")  # numbers are not what they would be by chance
    run("ip", "tuntap", "add", "dev", "other1", "mode", "tap")
    stack6("echo://:7", "relay://:8,to=[fe80::1%pb0]:9")
    run("ip", "-6", "address", "add", "fe80::1/64", "dev", "pb0", "nodad")
    here = ("fe80::1", 9, 0, socket.if_nametoindex("pb0"))
    with socket.create_server(here, family=socket.AF_INET6) as server, call(8, OURS) as s:
        s.settimeout(PATIENCE)
        server.settimeout(PATIENCE)
        peer, address = server.accept()
        with peer:
            assert socket.if_indextoname(address[3]) == "pb0"
            s.sendall(b"by the link")
            assert peer.recv(100) == b"by the link"


def test_flood(stack6):
    stack6("echo://:7")
    said = run("ping", "-6", "-f", "-c", 100000 if FULL else 5000, OURS, stdout=subprocess.PIPE).stdout
    assert ", 0% packet loss" in said


def test_curl(stack6, site, big, tmp_path):
    stack6(f"http://:80,root={site}")
    run("curl", "-sSf", "--max-time", PATIENCE, "-o", tmp_path / "big", f"http://[{OURS}]/big.bin")
    assert (tmp_path / "big").read_bytes() == big


def test_datagrams(stack6):
    stack6("echo://:7")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((OURS, 7))
        for size in (0, 1, 1452, 1453, 60000):
            s.send(b"x" * size)
            assert s.recv(65536) == b"x" * size


@pytest.mark.parametrize("udp", [(), ("-u",)], ids=["tcp", "udp"])
def test_we_are_refused(on_stack, device6, udp):
    done = on_stack("connect", *udp, KERNELS, 9, spec=device6(), input=b"x")
    assert done.returncode == REFUSED, done.stderr


def test_kernel_is_refused(stack6):
    stack6("echo://:7,only=tcp")
    with pytest.raises(ConnectionRefusedError):
        call(9, OURS)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((OURS, 9))
        s.send(b"x")
        with pytest.raises(ConnectionRefusedError):  # by ICMP
            s.recv(1)


def addresses(packetboat):
    """Those of the server that is running, without the number of bits."""
    rows = json.loads(packetboat("netstat", "--json", "-a", "--net", "tap:pb0").stdout)
    return [address.partition("/")[0] for address in rows[0]["net_addresses"]]


def test_addresses_that_a_router_makes(serve, device6, packetboat):
    """RFC 4862: of the advertised prefix and an identifier of ours (RFC 7217); with the MTU that comes with it."""
    device6()
    with advertising("pb0", PREFIX, mtu=1400):
        serve("--net", "tap:pb0,auto", "echo://:7")
        made, = (it for it in addresses(packetboat) if it.startswith("fd00:9:"))

        def look(info):
            assert info["mss"] == 1400 - 60 - 12  # we asked for no more

        echo_both_ways(SOME, look, address=made)
        run("ping", "-6", "-c", 1, "-W", PATIENCE, "-q", made, stdout=subprocess.DEVNULL)


def test_the_way_out_that_a_router_is(on_stack, device6):
    """What is not on the link goes to who advertised itself."""
    device6()
    ip("address", "add", "fd00:8::1/128", "dev", "lo")
    with advertising("pb0", PREFIX):
        done = on_stack("ping", "-c", 2, "-i", "0.1", "fd00:8::1", spec="tap:pb0,auto")
    assert done.returncode == 0, done.stderr
