"""The main job, as a person would do it: a server listens, clients call, and everybody can see it."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PACKETBOAT", str(ROOT / "build" / "packetboat"))


def run(*args, stdin=b"", timeout=30):
    return subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, timeout=timeout)


class Server:
    """A running `packetboat serve`; ports are by kind and protocol, as in ports["echo/udp"]."""

    def __init__(self, tmp_path, *args, sockets=1):
        self.log_path = tmp_path / f"serve-{time.monotonic_ns()}.log"
        self.process = subprocess.Popen([PROGRAM, "serve", *args], stderr=self.log_path.open("w"))
        found = self.wait_for(r"listening on \S+:(\d+)/(tcp|udp) \((\w+)\)", sockets)
        self.ports = {f"{kind}/{proto}": int(port) for port, proto, kind in found}

    def log(self):
        return self.log_path.read_text()

    def wait_for(self, pattern, count=1):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = re.findall(pattern, self.log())
            if len(found) >= count:
                return found
            assert self.process.poll() is None, self.log()
            time.sleep(0.01)
        raise AssertionError(f"no {pattern!r} in the log:\n{self.log()}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(*args, sockets=1):
        servers.append(Server(tmp_path, *args, sockets=sockets))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            assert server.stop() == 0, server.log()


@pytest.fixture
def site(tmp_path):
    root = tmp_path / "site"
    (root / "sub").mkdir(parents=True)
    (root / "hello.txt").write_text("Hello from a packet boat.\n")
    (root / "sub" / "index.html").write_text("<p>index\n")
    (root / "<b>&.txt").write_text("odd\n")
    (root / "big").write_bytes(os.urandom(10 << 20))
    (root / "out").symlink_to("/etc/passwd")
    (root / "in").symlink_to("hello.txt")
    return root


def ask(port, request, address="127.0.0.1"):
    """Send bytes, close our side, and give back all that comes."""
    with socket.create_connection((address, port), timeout=20) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b""))


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


# HTTP ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def http(serve, site):
    return serve(f"http://127.0.0.1:0,root={site},header-time=1s").ports["http/tcp"]


def test_curl_and_wget_get_the_same_bytes(http, site, tmp_path):
    want = (site / "big").read_bytes()
    url = f"http://127.0.0.1:{http}/big"
    assert subprocess.run(["curl", "-sf", url], capture_output=True, timeout=30).stdout == want
    subprocess.run(["wget", "-q", "-O", tmp_path / "got", url], check=True, timeout=30)
    assert (tmp_path / "got").read_bytes() == want


def test_pipelined_requests_are_all_answered_in_order(http):
    names = [b"/hello.txt", b"/none", b"/sub/"] * 10
    answers = ask(http, b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in names))
    assert [int(s) for s in re.findall(rb"HTTP/1\.1 (\d+) ", answers)] == [200, 404, 200] * 10


@pytest.mark.parametrize("request_, status", [
    (b"GET / HTTP/1.1\r\n\r\n", 400),                                   # no Host: RFC 9112 3.2
    (b"nonsense\r\n\r\n", 400),
    (b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"DELETE /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 60000), 414),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"a" * 60000), 431),
    (b"GET /out HTTP/1.1\r\nHost: x\r\n\r\n", 403),                      # a link out of the root
    (b"GET /in HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    (b"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /sub HTTP/1.1\r\nHost: x\r\n\r\n", 301),
    (b"GET /hello.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=0-4\r\n\r\n", 206),
    (b"GET /hello.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=99-\r\n\r\n", 416),
    (b"GET /hello.txt HTTP/1.0\r\n\r\n", 200),
])
def test_each_request_gets_its_status(http, request_, status):
    assert status_of(ask(http, request_)) == status


def test_a_request_that_does_not_end_is_timed_out(http):
    with socket.create_connection(("127.0.0.1", http), timeout=20) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert status_of(s.recv(65536)) == 408


def test_listing_escapes_names(http):
    page = ask(http, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").decode()
    assert "&#60;b&#62;&#38;.txt" in page and "<b>&" not in page


def test_a_changed_file_is_seen_at_once(http, site):
    request = b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n"
    tag = re.search(rb"ETag: (\S+)", ask(http, request)).group(1)
    conditional = request[:-2] + b"If-None-Match: " + tag + b"\r\n\r\n"
    assert status_of(ask(http, conditional)) == 304
    (site / "hello.txt").write_text("Changed.\n")
    assert ask(http, conditional).endswith(b"Changed.\n")


def test_limits_and_lists(serve, site):
    server = serve(f"http://127.0.0.1:0,root={site},conns-per-client=1", "echo://127.0.0.1:0,only=tcp,deny=127.0.0.0/8",
                   sockets=2)
    with socket.create_connection(("127.0.0.1", server.ports["http/tcp"])) as first:
        first.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status_of(first.recv(4096)) == 200
        with socket.create_connection(("127.0.0.1", server.ports["http/tcp"]), timeout=20) as second:
            assert status_of(second.recv(4096)) == 503
    with socket.create_connection(("127.0.0.1", server.ports["echo/tcp"]), timeout=20) as denied:
        with pytest.raises(ConnectionResetError):
            denied.recv(1)
    server.wait_for("not allowed")


def test_json_log_ties_number_and_caller(serve, site):
    server = serve("--log", "json", f"http://127.0.0.1:0,root={site}")
    with socket.create_connection(("127.0.0.1", server.ports["http/tcp"])) as s:
        own = "%s:%d" % s.getsockname()
        s.sendall(b'GET /hello.txt HTTP/1.1\r\nHost: x\r\nUser-Agent: "quoted"\r\n\r\n')
        assert status_of(s.recv(4096)) == 200
    server.wait_for('"event":"close"')
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    assert [(l["event"], l["number"], l["peer"]) for l in lines] == [(e, 1, own) for e in ("open", "request", "close")]
    assert lines[1]["agent"] == '"quoted"' and lines[1]["status"] == 200


def test_sigterm_lets_a_download_finish(serve, site):
    server = serve(f"http://127.0.0.1:0,root={site}")
    port = server.ports["http/tcp"]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = s.recv(1000)
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        with pytest.raises(ConnectionRefusedError):
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                except ConnectionResetError:
                    pass  # the handshake was done when the server stopped listening
        got += b"".join(iter(lambda: s.recv(65536), b""))
    assert got.endswith((site / "big").read_bytes())
    assert server.process.wait(timeout=20) == 0


# Small services ------------------------------------------------------------------------------------------------------


def test_echo_over_tcp_and_udp(serve, site):
    ports = serve("echo://127.0.0.1:0", sockets=2).ports
    want = (site / "big").read_bytes()
    got = subprocess.run(["nc", "-N", "127.0.0.1", str(ports["echo/tcp"])], input=want, capture_output=True, timeout=30)
    assert got.stdout == want
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.sendto(b"ping", ("127.0.0.1", ports["echo/udp"]))
        assert s.recv(100) == b"ping"


def test_time_services(serve):
    ports = serve("daytime://127.0.0.1:0", "time://127.0.0.1:0", "chargen://127.0.0.1:0", "discard://127.0.0.1:0",
                  sockets=8).ports
    seconds = int.from_bytes(ask(ports["time/tcp"], b"unasked"), "big")
    assert abs(seconds - 2208988800 - time.time()) < 5
    assert re.fullmatch(rb"\w+day, \w+ \d\d, \d{4} \d\d:\d\d:\d\d-UTC\r\n", ask(ports["daytime/tcp"], b""))
    assert ask(ports["discard/tcp"], b"x" * 100000) == b""
    with socket.create_connection(("127.0.0.1", ports["chargen/tcp"]), timeout=20) as s:
        lines = s.recv(222, socket.MSG_WAITALL).split(b"\r\n")
    assert lines[0] == bytes(range(32, 104)) and lines[1] == bytes(range(33, 105))


# Serving ---------------------------------------------------------------------------------------------------------------


def test_same_port_at_two_addresses_and_a_conflict(serve):
    server = serve("echo://127.0.0.1:0,only=tcp")
    port = server.ports["echo/tcp"]
    serve(f"echo://127.0.0.2:{port},only=tcp")
    third = run("serve", f"discard://127.0.0.1:{port}")
    assert third.returncode == 9
    assert f"127.0.0.1:{port}/tcp" in third.stderr.decode() and f"(pid {server.process.pid})" in third.stderr.decode()


@pytest.mark.parametrize("spec, part", [("htp://:80", "htp"), ("echo:80", "KIND://"), ("echo://:x", "'x'"),
                                        ("http://:80,rot=.", "rot"), ("echo://1.2.3:7", "1.2.3"),
                                        ("http://:0,idle=x", "idle=x"), ("echo://:7,allow=1.2.3.4/99", "1.2.3.4/99")])
def test_a_bad_spec_is_named(spec, part):
    wrong = run("serve", spec)
    assert wrong.returncode == 2 and part in wrong.stderr.decode()


def test_a_crashed_worker_is_replaced_and_no_call_refused(serve):
    server = serve("--workers", "2", "echo://127.0.0.1:0,only=tcp")
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")

    def workers():
        return [int(pid) for pid in children.read_text().split()]

    for _ in range(3):
        deadline = time.monotonic() + 20
        while len(workers()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(workers()[0], signal.SIGKILL)
        for _ in range(20):
            try:  # a connection that the killed worker held is reset; one that is refused fails the test
                assert ask(server.ports["echo/tcp"], b"still there?") in (b"still there?", b"")
            except ConnectionResetError:
                pass
    server.wait_for("starting another", 3)


# Clients and lookers-on --------------------------------------------------------------------------------------------------


def test_connect_tells_each_step(serve):
    port = serve("echo://127.0.0.1:0", sockets=2).ports["echo/tcp"]
    call = run("connect", "-v", "127.0.0.1", str(port), stdin=b"over\n")
    assert call.returncode == 0 and call.stdout == b"over\n"
    assert "ephemeral port" in call.stderr.decode() and "received 5" in call.stderr.decode()
    assert run("connect", "-u", "127.0.0.1", str(port), stdin=b"datagram").stdout == b"datagram"


def test_connect_exit_codes(serve):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert run("connect", "127.0.0.1", str(bound.getsockname()[1])).returncode == 4
    assert run("connect", "127.0.0.1", "nosuchname").returncode == 2
    assert run("connect").returncode == 2


def test_get(http, site, tmp_path):
    want = (site / "big").read_bytes()
    base = f"http://127.0.0.1:{http}"
    assert run("get", f"{base}/big").stdout == want
    assert run("get", "-o", str(tmp_path / "copy"), f"{base}/big").returncode == 0
    assert (tmp_path / "copy").read_bytes() == want
    assert b"index" in run("get", f"{base}/sub").stdout  # by a redirect
    missing = run("get", "-o", str(tmp_path / "none"), f"{base}/none")
    assert missing.returncode == 1 and b"404" in missing.stderr and not list(tmp_path.glob("none*"))


def test_netstat_knows_the_servers_connections(serve):
    server = serve("echo://127.0.0.1:0,only=tcp")
    port = server.ports["echo/tcp"]
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"12345")
        assert s.recv(10)
        table = run("netstat", "-n", "-t").stdout.decode()
        line = next(l for l in table.splitlines() if f"127.0.0.1:{port} " in l and " echo" in l)
        assert f"127.0.0.1:{s.getsockname()[1]}" in line and "ESTABLISHED" in line
        rows = json.loads(run("netstat", "-a", "-n", "--json").stdout)
        assert rows


def test_ports():
    assert b"80" in run("ports", "http").stdout
    assert run("ports", "nosuchname").returncode == 3
