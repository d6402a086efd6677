"""Names that are looked up over our own stack's sockets, from a name server that is not ours."""

import socket
import subprocess

import pytest
from conftest import KERNELS, OURS
from name_server import dnsmasq  # noqa: F401 a fixture
from namespace import ip, run
from talk import exchange, need

WWW = f"--host-record=www.example,{KERNELS}"


def with_dns(spec, *servers):
    return ",".join([spec, *(f"dns={server}" for server in servers)])


def test_get(on_stack, kernel_device, nginx_at, dnsmasq):
    spec = kernel_device()
    _, port = nginx_at(KERNELS)
    server = dnsmasq(WWW)
    done = on_stack("get", "-q", f"http://www.example:{port}/small.txt", spec=with_dns(spec, KERNELS))
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"0123456789abcdef" * 64
    assert f"from {OURS}" in server.log  # so it left over our own stack


def test_connect_and_ping(on_stack, kernel_device, dnsmasq):
    spec = with_dns(kernel_device(), KERNELS)
    dnsmasq(WWW)
    assert on_stack("ping", "-c", 1, "www.example", spec=spec).returncode == 0
    with subprocess.Popen([need("nc"), "-l", "-N", KERNELS, "99"], stdin=subprocess.DEVNULL) as nc:
        try:
            while ":99" not in run("ss", "-tlnH", stdout=subprocess.PIPE).stdout:
                assert nc.poll() is None
            done = on_stack("connect", "-v", "www.example", 99, spec=spec)
        finally:
            nc.kill()
    assert done.returncode == 0, done.stderr
    assert f"has address {KERNELS}" in done.stderr


def test_what_does_not_fit_a_datagram(on_stack, kernel_device, dnsmasq):
    """RFC 1035 §4.2.1: 512 bytes; more than that is asked for once more over TCP."""
    spec = with_dns(kernel_device(), KERNELS)
    server = dnsmasq(*(f"--host-record=many.example,10.9.0.{i}" for i in range(100, 160)))
    with socket.socket() as nobody:
        nobody.bind((KERNELS, 0))
        done = on_stack("connect", "-v", "-w", 5, "many.example", 9, spec=spec)
    assert done.stderr.count("has address 10.9.0.1") == 16, done.stderr
    assert server.log.count("query[A] many.example") == 2


def test_who_does_not_answer_is_passed_over(on_stack, kernel_device, dnsmasq):
    spec = with_dns(kernel_device(), "10.9.0.77", KERNELS)
    dnsmasq(WWW)
    assert on_stack("ping", "-c", 1, "www.example", spec=spec).returncode == 0


def test_no_such_name(on_stack, kernel_device, dnsmasq):
    spec = with_dns(kernel_device(), KERNELS)
    dnsmasq(WWW)
    assert on_stack("ping", "-c", 1, "nobody.example", spec=spec).returncode == 3


def test_nobody_to_ask(on_stack, kernel_device):
    done = on_stack("get", "http://www.example/", spec=kernel_device())
    assert done.returncode == 1
    assert "no name server known for tap:pb0; give dns=ADDR" in done.stderr


def test_a_server_that_dhcp_tells_of(on_stack, kernel_device, dnsmasq):
    kernel_device()
    server = dnsmasq(WWW, "--dhcp-range=10.9.0.50,10.9.0.60,1h")
    done = on_stack("ping", "-c", 1, "www.example", spec="tap:pb0,auto")
    assert done.returncode == 0, done.stderr + server.log


def test_short_names(on_stack, kernel_device, dnsmasq):
    spec = with_dns(kernel_device(), KERNELS)
    dnsmasq(WWW, "--local=/nowhere/")
    assert on_stack("ping", "-c", 1, "www", spec=f"{spec},search=nowhere,search=example").returncode == 0
    assert on_stack("ping", "-c", 1, "www", spec=f"{spec},search=nowhere").returncode != 0


@pytest.mark.parametrize("option", ["domain-name,example", "domain-search,nowhere,example"])
def test_short_names_in_a_domain_of_dhcp(on_stack, kernel_device, dnsmasq, option):
    kernel_device()
    server = dnsmasq(WWW, "--dhcp-range=10.9.0.50,10.9.0.60,1h", f"--dhcp-option=option:{option}",
                     "--local=/nowhere/")
    done = on_stack("ping", "-c", 1, "www", spec="tap:pb0,auto")
    assert done.returncode == 0, done.stderr + server.log


def test_relay_to_a_name(serve, kernel_device, nginx_at, dnsmasq):
    spec = with_dns(kernel_device(), KERNELS)
    _, port = nginx_at(KERNELS)
    dnsmasq(WWW)
    serve("--net", spec, f"relay://:80,to=www.example:{port}")
    answer = exchange(80, b"GET /small.txt HTTP/1.0\r\n\r\n", OURS)
    assert answer.endswith(b"0123456789abcdef" * 64)


@pytest.fixture
def routing(kernel_device, dnsmasq):
    """The kernel's end as a router of IPv6; mode as dnsmasq(8) has it, in --dhcp-range."""
    kernel_device()
    ip("address", "add", "fd00:9::1/64", "dev", "pb0", "nodad")

    def start(mode):
        return dnsmasq("--host-record=www.example,fd00:9::1", "--enable-ra", f"--dhcp-range=fd00:9::,{mode},64",
                       "--dhcp-option=option6:domain-search,example")

    return start


def test_a_server_and_a_domain_that_routers_tell_of(on_stack, routing):
    """RFC 8106: RDNSS and DNSSL, and nobody to ask for more."""
    server = routing("ra-only")
    done = on_stack("ping", "-c", 1, "www", spec="tap:pb0,auto")
    assert done.returncode == 0, done.stderr + server.log
    assert b"fd00:9::1" in done.stdout
    assert "INFORMATION-REQUEST" not in server.log


def test_a_server_and_a_domain_that_dhcp6_tells_of(on_stack, routing):
    """RFC 8415 §18.2.6"""
    server = routing("ra-stateless")
    done = on_stack("ping", "-c", 1, "www", spec="tap:pb0,auto")
    assert done.returncode == 0, done.stderr + server.log
    assert "INFORMATION-REQUEST" in server.log
    assert "option: 24 domain-search  example" in server.log
