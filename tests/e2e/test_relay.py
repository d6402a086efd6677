"""relay between programs that are not ours: nginx and curl, a name server and dig, nc across a half-close."""

import socket
import struct
import subprocess
import threading

import pytest
from talk import PATIENCE, call, need, read_all, request


def relay(serve, to, protocol="tcp", keys=""):
    server = serve(f"relay://127.0.0.1:0,only={protocol},to={to[0]}:{to[1]}{keys}")
    return server, ("127.0.0.1", server.port)


@pytest.fixture
def listener():
    """Where the test itself answers calls."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(PATIENCE)
        yield s


# TCP -----------------------------------------------------------------------------------------------------------------


def test_nginx_behind_us_with_curl(serve, nginx, big):
    _, (host, port) = relay(serve, nginx)
    url = f"http://{host}:{port}"
    run = subprocess.run([need("curl"), "-sf", f"{url}/big.bin", "-o-", f"{url}/small.txt", "-o-"], capture_output=True,
                         timeout=PATIENCE, check=True)
    assert run.stdout == big + b"0123456789abcdef" * 64


def test_nginx_behind_us_with_ab(serve, nginx):
    server, (host, port) = relay(serve, nginx)
    run = subprocess.run([need("ab"), "-q", "-n", "500", "-c", "20", f"http://{host}:{port}/medium.bin"],
                         capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert " 500\n" in run.stdout[run.stdout.index("Complete requests:"):], run.stdout
    assert "Failed requests:        0" in run.stdout and "Non-2xx" not in run.stdout, run.stdout
    server.wait_for(r" close #\d+ .* done$", 500)


def test_half_close_is_carried_through_both_ways(serve, listener):
    _, (host, port) = relay(serve, listener.getsockname())
    with subprocess.Popen([need("nc"), "-N", host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as nc:
        peer, _ = listener.accept()
        with peer:
            nc.stdin.write(b"a question")
            nc.stdin.close()
            peer.settimeout(PATIENCE)
            assert read_all(peer) == b"a question"  # that is, with its end
            assert nc.poll() is None
            peer.sendall(b"and its answer")
        assert nc.stdout.read() == b"and its answer"
        assert nc.wait(PATIENCE) == 0


def test_the_other_side_may_end_first(serve, listener):
    _, (host, port) = relay(serve, listener.getsockname())
    with call(port, host) as s:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"all that I have")
            peer.shutdown(socket.SHUT_WR)
            assert read_all(s) == b"all that I have"
            s.sendall(b"yet I go on")
            s.shutdown(socket.SHUT_WR)
            peer.settimeout(PATIENCE)
            assert read_all(peer) == b"yet I go on"


def test_a_reset_is_carried_through(serve, listener):
    _, (host, port) = relay(serve, listener.getsockname())
    with call(port, host) as s:
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        with pytest.raises(ConnectionResetError):
            s.recv(1)


def test_nobody_behind_us(serve):
    with socket.socket() as bound:  # but not listening
        bound.bind(("127.0.0.1", 0))
        server, (host, port) = relay(serve, bound.getsockname())
        with pytest.raises(ConnectionResetError), call(port, host) as s:
            s.recv(1)
    server.wait_for("Connection refused")


def test_what_the_callers_cannot_take_does_not_pile_up_here(serve, listener):
    server, (host, port) = relay(serve, listener.getsockname())
    with call(port, host, receive_buffer=4096):
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(0.5)
            sent = 0
            with pytest.raises(socket.timeout):
                while sent < 1 << 30:
                    sent += peer.send(bytes(1 << 20))
    # Two sockets' buffers of 6 MB at most (tcp_wmem, tcp_rmem), and ours.
    assert sent < 64 << 20


def test_sigterm_lets_a_relayed_call_finish(serve, nginx, big):
    server, (host, port) = relay(serve, nginx)
    with call(port, host, receive_buffer=8192) as s:
        s.sendall(request("/big.bin", "Connection: close"))
        got = s.recv(1000)
        server.term()
        got += read_all(s)
    assert got.endswith(big)
    assert server.wait() == 0


# UDP -----------------------------------------------------------------------------------------------------------------


def answer_question(query):
    """For n7.test, the address 192.0.2.7 (RFC 1035 4.1; the address RFC 5737)."""
    end = query.index(0, 12) + 5
    number = int(query[14:13 + query[12]])
    header = query[:2] + struct.pack(">HHHHH", 0x8580, 1, 1, 0, 0)  # an authoritative answer
    return header + query[12:end] + struct.pack(">HHHIH4B", 0xC00C, 1, 1, 60, 4, 192, 0, 2, number)


@pytest.fixture
def name_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        askers = set()

        def run():
            while True:
                query, asker = s.recvfrom(4096)
                if not query:
                    return
                askers.add(asker)
                s.sendto(answer_question(query), asker)

        thread = threading.Thread(target=run)
        thread.start()
        yield s.getsockname(), askers
        s.sendto(b"", s.getsockname())
        thread.join()


def test_dig_through_us(serve, name_server):
    to, askers = name_server
    _, (host, port) = relay(serve, to, "udp")
    digs = [subprocess.Popen([need("dig"), f"@{host}", "-p", str(port), "+short", "+tries=1", f"+timeout={PATIENCE}",
                              f"n{i}.test", "A"], stdout=subprocess.PIPE, text=True) for i in range(1, 9)]
    for i, dig in enumerate(digs, 1):
        assert dig.communicate(timeout=PATIENCE)[0] == f"192.0.2.{i}\n"
    assert len(askers) == len(digs)  # each has a socket of its own, and so gets its own answers only


def test_a_session_gives_way_when_there_are_too_many(serve, name_server):
    to, _ = name_server
    server, at = relay(serve, to, "udp", ",sessions=2")
    held = []
    for i in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(PATIENCE)
            s.connect(at)
            s.send(b"\0\1\1\0\0\1\0\0\0\0\0\0\2n9\4test\0\0\1\0\1")
            assert s.recv(4096).endswith(bytes([192, 0, 2, 9]))
        held.append(server.descriptors())
    assert max(held) <= held[0] + 1
