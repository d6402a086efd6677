"""echo, discard, chargen, daytime and time, over TCP and UDP, IPv4 and IPv6."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from talk import PATIENCE, call, exchange, has_ipv6, read_all

KINDS = ["echo", "discard", "chargen", "daytime", "time"]
SECONDS_1900_TO_1970 = 2208988800  # RFC 868
DAYTIME = rb"\w+day, \w+ \d\d, \d{4} \d\d:\d\d:\d\d-UTC\r\n"


@pytest.fixture(params=["127.0.0.1", "::1"])
def address(request):
    if request.param == "::1" and not has_ipv6():
        pytest.skip("this machine has no ::1")
    return request.param


@pytest.fixture
def ports(serve, address):
    host = f"[{address}]" if ":" in address else address
    return serve(*[f"{kind}://{host}:0" for kind in KINDS]).ports


def ask_datagram(address, port, data):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.connect((address, port))
        s.send(data)
        return s.recv(65535)


def is_now(number):
    return abs(int.from_bytes(number, "big") - SECONDS_1900_TO_1970 - time.time()) < PATIENCE


def test_tcp(ports, address):
    assert exchange(ports["echo/tcp"], b"ping", address) == b"ping"
    assert exchange(ports["discard/tcp"], b"x" * 100000, address) == b""
    assert re.fullmatch(DAYTIME, exchange(ports["daytime/tcp"], b"unasked", address))
    number = exchange(ports["time/tcp"], b"", address)
    assert len(number) == 4 and is_now(number)
    with call(ports["chargen/tcp"], address) as s:
        lines = s.recv(96 * 74, socket.MSG_WAITALL).split(b"\r\n")[:-1]
    assert lines[0] == bytes(range(32, 104)) and lines[1] == bytes(range(33, 105))
    assert len(lines) == 96 and {len(line) for line in lines} == {72} and lines[95] == lines[0]


def test_udp(ports, address):
    for size in [1, 512, 1400, 9000]:
        assert ask_datagram(address, ports["echo/udp"], b"e" * size) == b"e" * size
    assert re.fullmatch(DAYTIME, ask_datagram(address, ports["daytime/udp"], b""))
    number = ask_datagram(address, ports["time/udp"], b"?")
    assert len(number) == 4 and is_now(number)
    pattern = ask_datagram(address, ports["chargen/udp"], b"?")
    assert len(pattern) <= 512 and pattern == (bytes(range(32, 104)) + b"\r\n" + bytes(range(33, 105)))[:len(pattern)] \
        or len(pattern) > 146
    with pytest.raises(socket.timeout):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            s.sendto(b"nothing comes back", (address, ports["discard/udp"]))
            s.recv(1)


def test_echo_of_10_mb_while_reading(ports, address, big):
    with call(ports["echo/tcp"], address) as s:
        def send():
            s.sendall(big)
            s.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        got = read_all(s)
        sender.join()
    assert got == big


def test_echo_waits_for_a_caller_that_sends_without_reading(ports, address):
    with call(ports["echo/tcp"], address, receive_buffer=4096) as s:
        s.settimeout(0.5)
        sent = 0
        with pytest.raises(socket.timeout):  # it stops reading rather than keep all this
            while sent < 256 << 20:
                sent += s.send(b"z" * 65536)
        s.settimeout(PATIENCE)
        s.shutdown(socket.SHUT_WR)
        assert len(read_all(s)) == sent


def test_half_close_on_discard_is_answered_by_a_close(ports, address):
    with call(ports["discard/tcp"], address) as s:
        s.sendall(b"some")
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b""


def test_netcat(ports, address, big):
    def nc(kind, *options, input=b""):
        done = subprocess.run(["nc", *options, address, str(ports[kind])], input=input, capture_output=True,
                              timeout=PATIENCE)
        return done.stdout

    assert nc("echo/tcp", "-N", input=big) == big
    assert nc("discard/tcp", "-N", input=big[:1 << 20]) == b""
    assert re.fullmatch(DAYTIME, nc("daytime/tcp", "-N"))
    assert is_now(nc("time/tcp", "-N"))
    assert nc("echo/udp", "-u", "-w", "1", input=b"datagram") == b"datagram"


def test_log_has_both_ends_and_bytes(serve):
    server = serve("echo://127.0.0.1:0,only=tcp")
    with call(server.port) as s:
        own = "%s:%d" % s.getsockname()
        s.sendall(b"12345")
        s.shutdown(socket.SHUT_WR)
        assert read_all(s) == b"12345"
    server.wait_for(rf" close #1 {re.escape(own)} echo in=5 out=5 [\d.]+s done$")


def test_idle_callers_are_closed(serve):
    server = serve("echo://127.0.0.1:0,only=tcp,idle=300ms")
    with call(server.port) as s:
        start = time.monotonic()
        assert s.recv(1) == b""
        assert time.monotonic() - start > 0.2
    server.wait_for(r" close #1 .* idle$")


def test_sigterm_lets_echo_send_back_what_has_arrived(serve, big):
    server = serve("echo://127.0.0.1:0,only=tcp")
    with call(server.port) as s:
        s.sendall(b"a")
        assert s.recv(1) == b"a"
        os.kill(server.process.pid, signal.SIGSTOP)
        s.sendall(big[:30_000])  # less than the first window: it has all arrived
        server.term()
        os.kill(server.process.pid, signal.SIGCONT)
        assert read_all(s) == big[:30_000]
    assert server.wait() == 0


def test_sigterm_does_not_reset_a_caller_of_echo_who_goes_on_sending(serve, big):
    server = serve("echo://127.0.0.1:0,only=tcp")
    with call(server.port) as s:
        os.kill(server.process.pid, signal.SIGSTOP)
        s.sendall(big[:300_000])  # of which only a part has arrived
        server.term()
        os.kill(server.process.pid, signal.SIGCONT)
        got = read_all(s)
        assert got and big.startswith(got)
    assert server.wait() == 0
