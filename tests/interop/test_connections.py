"""Very many connections between our stack and the kernel, and those that do not come about."""

import itertools
import socket
import subprocess

import pytest
from conftest import KERNELS, OURS, net_spec
from namespace import ip, run, sysctl
from talk import PATIENCE, call

COUNT = 10000
OPEN = 500  # at a time: within the descriptors that a process usually has

REFUSED, TIMED_OUT, UNREACHABLE = 4, 5, 6


def use(address, port, count, firsts=itertools.count(1)):
    """Open so many connections to an echo, then use each, then close each."""
    connections = []
    try:
        for _ in range(count):
            connections.append((call(port, address), b"%d\n" % next(firsts)))
        for s, text in connections:
            s.sendall(text)
        for s, text in connections:
            assert s.recv(64) == text
            s.shutdown(socket.SHUT_WR)
        for s, _ in connections:
            assert s.recv(64) == b""
    finally:
        for s, _ in connections:
            s.close()


def established():
    return run("ss", "-tnH", "state", "established", stdout=subprocess.PIPE).stdout


def test_many_connections(stack):
    server = stack("echo://:7", args=["--log", "none"])
    use(OURS, 7, 1)
    before = server.descriptors()
    for _ in range(COUNT // OPEN):
        use(OURS, 7, OPEN)
    assert established() == ""
    assert server.descriptors() == before


def test_many_connections_that_we_close_first(stack):
    stack("daytime://:13", args=["--log", "none"])
    for _ in range(COUNT):
        with call(13, OURS) as s:
            assert s.recv(64)
            assert s.recv(64) == b""
    assert established() == ""


def test_many_connections_that_we_open(serve, kernel_device):
    """Each that the kernel opens to the relay on our stack becomes one that we open, to an echo on the kernel's."""
    spec = kernel_device()
    serve(f"echo://{KERNELS}:7,only=tcp", "--log", "none")
    serve("--net", spec, f"relay://:1007,to={KERNELS}:7", "--log", "none")
    for _ in range(COUNT // OPEN):
        use(OURS, 1007, OPEN)
    assert established() == ""


@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_kernel_is_refused(stack, kind):
    stack("echo://:7,only=tcp", kind=kind)
    with pytest.raises(ConnectionRefusedError):
        call(9, OURS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((OURS, 9))
        s.send(b"x")
        with pytest.raises(ConnectionRefusedError):  # by ICMP
            s.recv(1)


@pytest.mark.parametrize("kind", ["tap", "tun"])
@pytest.mark.parametrize("udp", [(), ("-u",)], ids=["tcp", "udp"])
def test_we_are_refused(on_stack, kind, udp):
    done = on_stack("connect", *udp, KERNELS, 9, spec=net_spec(kind, host=f"{KERNELS}/24"), input=b"x")
    assert done.returncode == REFUSED
    assert "refused" in done.stderr


def test_nobody_answers_arp(on_stack):
    done = on_stack("connect", "10.9.0.77", 9)
    assert done.returncode == UNREACHABLE, done.stderr


def test_no_route(on_stack):
    done = on_stack("connect", "10.8.0.1", 9)
    assert done.returncode == UNREACHABLE, done.stderr


@pytest.mark.parametrize("route, udp", [("unreachable", ()), ("prohibit", ()), ("prohibit", ("-u",))])
def test_router_says_unreachable(on_stack, kernel_device, route, udp):
    """By ICMP: a host is unreachable, which UDP does not take for final; communication is prohibited."""
    spec = kernel_device()
    sysctl("ipv4/ip_forward", 1)
    ip("route", "add", route, "10.8.0.0/24")
    done = on_stack("connect", "-w", 3, *udp, "10.8.0.1", 9, spec=f"{spec},gateway={KERNELS}", input=b"x")
    assert done.returncode == UNREACHABLE, done.stderr


def test_nobody_answers_syn(on_stack, kernel_device):
    spec = kernel_device()
    ip("route", "add", "blackhole", "10.8.0.0/24")
    done = on_stack("connect", "-w", "0.5", "10.8.0.1", 9, spec=f"{spec},gateway={KERNELS}")
    assert done.returncode == TIMED_OUT, done.stderr


def test_several_addresses(stack):
    stack(f"http://{OURS}:80,root=/", "echo://10.9.0.3:80,only=tcp", "echo://192.168.77.1:80,only=tcp",
          "echo://:7", addr=f"{OURS}/24,addr=10.9.0.3/24,addr=192.168.77.1/24")
    ip("route", "add", "192.168.77.0/24", "dev", "pb0")
    for address in ("10.9.0.3", "192.168.77.1"):
        use(address, 80, 10)
        use(address, 7, 10)
    with call(80, OURS) as s:
        s.sendall(b"GET /none HTTP/1.0\r\n\r\n")
        assert s.recv(64).startswith(b"HTTP/1.1 404")
