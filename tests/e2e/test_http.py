"""The http service against curl, wget, ab and raw sockets: what it answers, refuses, survives and logs."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path

import pytest
from talk import PATIENCE, Answer, ask, call, exchange, read_all, refused_or_reset, request


@pytest.fixture
def http(serve, site):
    """A server of the site, with more options as in http(",idle=1s")."""

    def start(options="", *args, **popen):
        return serve(*args, f"http://127.0.0.1:0,root={site}{options}", **popen)

    return start


# What others fetch ---------------------------------------------------------------------------------------------------


def test_curl(http, site, big):
    url = f"http://127.0.0.1:{http().port}"

    def curl(*args):
        return subprocess.run(["curl", "-sS", *args], capture_output=True, timeout=PATIENCE, check=True).stdout

    assert curl(f"{url}/big.bin") == big
    assert curl("-r", "1000-1999", f"{url}/big.bin") == big[1000:2000]
    head = curl("-I", f"{url}/big.bin").decode()
    assert head.startswith("HTTP/1.1 200 ") and f"Content-Length: {10 << 20}" in head
    assert curl("-L", f"{url}/sub") == b"<p>the index\n"
    # Two URLs over one connection, and a body that nobody wants.
    connects = curl("-w", "%{num_connects} ", "-o", "/dev/null", f"{url}/small.txt", "-o", "/dev/null",
                    f"{url}/medium.bin")
    assert connects.split() == [b"1", b"0"]
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "x" * 1000, f"{url}/small.txt") == b"405"


def test_wget(http, site, big, tmp_path):
    url = f"http://127.0.0.1:{http().port}"
    subprocess.run(["wget", "-q", "-O", tmp_path / "got", f"{url}/big.bin"], check=True, timeout=PATIENCE)
    assert (tmp_path / "got").read_bytes() == big
    part = tmp_path / "rest"
    part.write_bytes(big[:5 << 20])
    subprocess.run(["wget", "-q", "-c", "-O", part, f"{url}/big.bin"], check=True, timeout=PATIENCE)
    assert part.read_bytes() == big


@pytest.mark.parametrize("name", ["small.txt", "medium.bin"])
def test_ab_with_keep_alive(http, name):
    out = subprocess.run(["ab", "-q", "-k", "-n", "1000", "-c", "20", f"http://127.0.0.1:{http().port}/{name}"],
                         capture_output=True, text=True, timeout=3 * PATIENCE, check=True).stdout
    assert re.search(r"Complete requests: +1000$", out, re.M), out
    assert re.search(r"Failed requests: +0$", out, re.M), out
    assert re.search(r"Keep-Alive requests: +1000$", out, re.M), out
    assert "Non-2xx" not in out


# One request after the other -----------------------------------------------------------------------------------------


def test_head_says_what_get_says(http):
    port = http().port
    for target in ["/small.txt", "/big.bin", "/", "/none", "/sub"]:
        get, head = ask(port, target), ask(port, target, method="HEAD")
        assert head.status == get.status and head.length == get.length
        assert head.fields.keys() == get.fields.keys()
        assert exchange(port, request(target, method="HEAD")).endswith(b"\r\n\r\n")


def test_keep_alive_and_close(http, site):
    port = http().port
    with call(port) as s, s.makefile("rb") as stream:
        for name in ["small.txt", "big.bin", "medium.bin", "small.txt"]:
            s.sendall(request("/" + name))
            assert Answer(stream).body == (site / name).read_bytes()
        s.sendall(request("/small.txt", "Connection: close"))
        assert Answer(stream).fields["connection"] == "close"
        assert stream.read() == b""
    with call(port) as s, s.makefile("rb") as stream:
        s.sendall(b"GET /small.txt HTTP/1.0\r\n\r\n")
        assert Answer(stream).status == 200
        assert stream.read() == b""


def test_pipelining_20_requests_in_one_write(http, site):
    names = ["small.txt", "none", "medium.bin", "inside", "sub/"] * 4
    with call(http().port) as s, s.makefile("rb") as stream:
        s.sendall(b"".join(request("/" + name) for name in names))
        answers = [Answer(stream) for _ in names]
    assert [a.status for a in answers] == [200, 404, 200, 200, 200] * 4
    assert all(a.body == (site / n).read_bytes() for a, n in zip(answers, names) if "." in n)


def test_pipelining_10_mb_behind_10_mb(http, big):
    with call(http().port) as s, s.makefile("rb") as stream:
        s.sendall(request("/big.bin") * 2 + request("/small.txt", "Connection: close"))
        assert Answer(stream).body == big and Answer(stream).body == big and Answer(stream).length == 1024


def test_a_request_byte_by_byte(http):
    with call(http().port) as s, s.makefile("rb") as stream:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request("/small.txt"):
            s.send(bytes([byte]))
        assert Answer(stream).status == 200


def test_bodies_are_skipped(http):
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"
    with call(http().port) as s, s.makefile("rb") as stream:
        s.sendall(request("/", "Content-Length: 5", method="POST") + b"GET /" + chunked + request("/small.txt"))
        assert [Answer(stream).status for _ in range(3)] == [405, 405, 200]


# Parts and conditions (RFC 9110 13, 14) ------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted, first, end", [("0-0", 0, 1), ("0-99", 0, 100), ("1000-", 1000, 1024),
                                                ("-24", 1000, 1024), ("-5000", 0, 1024), ("1000-9999", 1000, 1024)])
def test_a_range(http, site, wanted, first, end):
    answer = ask(http().port, "/small.txt", f"Range: bytes={wanted}")
    assert answer.status == 206
    assert answer.fields["content-range"] == f"bytes {first}-{end - 1}/1024"
    assert answer.body == (site / "small.txt").read_bytes()[first:end]


@pytest.mark.parametrize("wanted", ["1024-", "-0", "5000-6000"])
def test_a_range_that_is_not_there(http, wanted):
    answer = ask(http().port, "/small.txt", f"Range: bytes={wanted}")
    assert answer.status == 416 and answer.fields["content-range"] == "bytes */1024"


@pytest.mark.parametrize("wanted", ["bytes=5-2", "bytes=x-", "bytes=", "lines=1-2", "nonsense"])
def test_a_range_that_makes_no_sense_is_ignored(http, wanted):
    assert ask(http().port, "/small.txt", f"Range: {wanted}").status == 200


def test_if_range(http, site):
    port = http().port
    os.utime(site / "small.txt", (1e9, 1e9))
    whole = ask(port, "/small.txt")
    for validator, status in [(whole.fields["etag"], 206), ('"other"', 200), (formatdate(1e9, usegmt=True), 206),
                              (formatdate(1e9 - 9, usegmt=True), 200)]:
        assert ask(port, "/small.txt", "Range: bytes=0-9", f"If-Range: {validator}").status == status, validator


def test_conditions(http, site):
    port = http().port
    os.utime(site / "small.txt", (1e9, 1e9))
    whole = ask(port, "/small.txt")
    tag, then, before = whole.fields["etag"], formatdate(1e9, usegmt=True), formatdate(1e9 - 1, usegmt=True)
    assert whole.fields["last-modified"] == then
    for field, status in [
        (f"If-None-Match: {tag}", 304), ("If-None-Match: *", 304), (f'If-None-Match: "a", W/{tag}', 304),
        ('If-None-Match: "other"', 200), (f"If-Modified-Since: {then}", 304), (f"If-Modified-Since: {before}", 200),
        ("If-Modified-Since: yesterday", 200), (f"If-Match: {tag}", 200), ('If-Match: "other"', 412),
        (f"If-Unmodified-Since: {before}", 412), (f"If-Unmodified-Since: {then}", 200),
    ]:
        answer = ask(port, "/small.txt", field)
        assert answer.status == status, field
        assert status != 304 or answer.fields["etag"] == tag


# Directories and names -----------------------------------------------------------------------------------------------


def test_index_and_redirect(http):
    port = http().port
    assert ask(port, "/sub/").body == b"<p>the index\n"
    for target, location in [("/sub", "/sub/"), ("/sub?a=b", "/sub/?a=b"), ("/sub/deep", "/sub/deep/")]:
        redirect = ask(port, target)
        assert redirect.status == 301
        base = target.split("?")[0].rsplit("/", 1)[0] + "/"
        assert redirect.fields["location"].replace("./", base, 1) == location
    # Not to another host, whatever the request says.
    assert "//sub" not in ask(port, "//sub").fields["location"]


def test_listing_has_every_name_and_no_markup_of_theirs(http, site):
    port = http().port
    page = ask(port, "/")
    assert page.fields["content-type"] == "text/html; charset=utf-8"
    text = page.body.decode()
    assert "<b>" not in text and "&#60;b&#62;&#38;&#34;&#39;.txt" in text
    links = re.findall(r'<a href="([^"]*)"', text)
    assert len(links) == len(list(site.iterdir()))
    for link in links:
        if not link.endswith("/") and link[2:] not in ("outside", "absolute", "up"):
            assert ask(port, "/" + link[2:]).status == 200, link
    for name in ["<b>&\"'.txt", "a space", "per%41cent", "umlaut-\u00e4", "a:colon", "new\nline"]:
        encoded = "".join(f"%{byte:02X}" for byte in name.encode())
        assert ask(port, "/" + encoded).body.decode() == name
    assert "Nothing is in here" in ask(port, "/empty/").body.decode()


def test_no_listing(http):
    port = http(",listing=off").port
    assert ask(port, "/").status == 403 and ask(port, "/sub/").status == 200


@pytest.mark.parametrize("ending, kind", [("html", "text/html"), ("css", "text/css"), ("js", "text/javascript"),
                                          ("json", "application/json"), ("png", "image/png"), ("txt", "text/plain"),
                                          ("svg", "image/svg+xml"), ("PDF", "application/pdf"),
                                          ("unknown", "application/octet-stream")])
def test_content_types(http, site, ending, kind):
    (site / f"file.{ending}").write_text("x")
    assert ask(http().port, f"/file.{ending}").fields["content-type"].split(";")[0] == kind


# Wrong requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong, status", [
    (b"nonsense\r\n\r\n", 400),
    (b"GET\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),                                              # no Host: RFC 9112 3.2
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),                                  # RFC 9112 5.1
    (b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", 400),                     # RFC 9112 5.2
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET relative HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /small.txt/below HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /" + b"n" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"DELETE /small.txt HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", 413),
    (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 4000 + b"\r\n", 431),
    (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
])
def test_a_wrong_request_gets_its_status(http, wrong, status):
    server = http()
    with call(server.port) as s, s.makefile("rb") as stream:
        s.sendall(wrong)
        answer = Answer(stream)
    assert answer.status == status
    assert status != 405 or {"GET", "HEAD"} <= set(re.split(", *", answer.fields["allow"]))
    assert ask(server.port, "/small.txt").status == 200


def test_a_request_behind_a_wrong_one_is_not_read(http):
    got = exchange(http().port, b"GET / HTTP/1.1\r\n\r\n" + request("/small.txt"))
    assert got.count(b"HTTP/1.1 ") == 1 and got.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("target", [
    "/../secret", "/../../../../etc/passwd", "/sub/../../secret", "/%2e%2e/secret", "/%2E%2E/secret", "/.%2e/secret",
    "/%2e%2e%2fsecret", "/..%2fsecret", "/sub%2f..%2f..%2fsecret", "/%252e%252e/secret", "/..%5csecret",
    "/..\\secret", "//../secret", "/./../secret", "/%00/../secret", "/small.txt%00", "/..%00/secret", "/....//secret",
    "/outside", "/absolute", "/up/secret", "/up/", "/%c0%ae%c0%ae/secret", "http://x/../secret", "/sub/%2e%2e/../secret",
])
def test_no_way_out_of_the_root(http, target):
    answer = ask(http().port, target)
    assert answer.status in (400, 403, 404) and b"the secret" not in answer.body


def test_links(http, site):
    port = http().port
    assert ask(port, "/inside").body == (site / "small.txt").read_bytes()
    assert [ask(port, target).status for target in ("/outside", "/absolute", "/up")] == [403, 403, 403]
    assert ask(port, "/sub/deep/../../small.txt").status == 200


def test_absolute_links_that_stay_inside(http, site):
    (site / "whole").symlink_to(site / "small.txt")
    (site / "twice").symlink_to(site / "whole")
    (site / "folder").symlink_to(site / "sub", target_is_directory=True)
    (site / "self").symlink_to(site, target_is_directory=True)
    (site.parent / "site-of-another").mkdir()
    (site.parent / "site-of-another" / "secret").write_bytes(b"the secret")
    (site / "neighbour").symlink_to(site.parent / "site-of-another" / "secret")
    (site / "dangling").symlink_to(site / "nothing")
    port = http().port
    small = (site / "small.txt").read_bytes()
    for target in ("/whole", "/twice", "/self/small.txt", "/self/self/whole"):
        assert ask(port, target).body == small, target
    assert ask(port, "/folder/").body == ask(port, "/sub/").body
    assert [ask(port, target).status for target in ("/neighbour", "/absolute", "/dangling", "/self/up/secret")] == [403] * 4


# Time ----------------------------------------------------------------------------------------------------------------


def test_an_unfinished_header_is_timed_out_also_when_it_trickles(http):
    server = http(",header-time=1s")
    with call(server.port) as s, s.makefile("rb") as stream:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        s.settimeout(0.1)
        start, got = time.monotonic(), b""
        while not got and time.monotonic() - start < PATIENCE:
            try:
                s.sendall(b"X: y\r\n")
                got = s.recv(65536)
            except socket.timeout:
                pass
        assert got.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - start > 0.8


def test_a_body_that_does_not_end_gets_no_second_answer(http):
    with call(http(",header-time=500ms").port) as s:
        s.sendall(request("/", "Content-Length: 10", method="POST") + b"abc")
        got = read_all(s)
    assert got.count(b"HTTP/1.1 ") == 1 and got.startswith(b"HTTP/1.1 405 ")


def test_an_idle_connection_is_closed(http):
    with call(http(",idle=500ms").port) as s, s.makefile("rb") as stream:
        s.sendall(request("/small.txt"))
        assert Answer(stream).status == 200
        assert stream.read() == b""


def test_a_deferred_caller_is_seen_when_he_asks(http):
    server = http(",deferred=on")
    with call(server.port) as silent, call(server.port) as asking:
        assert Answer(say(asking)).status == 200
        server.wait_for(rf" open #1 127\.0\.0\.1:{asking.getsockname()[1]} ")
        server.wait_for(rf" open #2 127\.0\.0\.1:{silent.getsockname()[1]} ")  # although he still says nothing
        assert Answer(say(silent)).status == 200


def say(s):
    s.sendall(request("/small.txt"))
    return s.makefile("rb")


def test_many_half_open_clients_hold_nobody_up(http):
    server = http(",header-time=2s")
    clients = [call(server.port) for _ in range(200)]
    try:
        for s in clients:
            s.sendall(b"GET / HT")
        assert ask(server.port, "/small.txt").status == 200
        assert all(s.recv(65536).startswith(b"HTTP/1.1 408 ") for s in clients)
    finally:
        for s in clients:
            s.close()


def test_clients_that_vanish(http):
    server = http()
    for _ in range(50):
        with call(server.port) as s:
            s.sendall(request("/big.bin"))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert ask(server.port, "/small.txt").status == 200


def test_a_slow_reader_gets_it_all_and_holds_nobody_up(http, big):
    server = http()
    with call(server.port, receive_buffer=8192) as s, s.makefile("rb", buffering=0) as stream:
        s.sendall(request("/big.bin", "Connection: close"))
        got = b""
        for _ in range(10):
            got += stream.read(4096)
            assert ask(server.port, "/small.txt").status == 200
            time.sleep(0.02)
        assert got[got.index(b"\r\n\r\n") + 4:] + read_all(s) == big


# Files that change ---------------------------------------------------------------------------------------------------


def test_a_replaced_file_is_seen_at_once(http, site):
    with call(http().port) as s, s.makefile("rb") as stream:
        tags = set()
        for i in range(20):
            (site / "next").write_text(f"version {i:02}")
            (site / "next").rename(site / "page.txt")
            s.sendall(request("/page.txt"))
            answer = Answer(stream)
            assert answer.body == b"version %02d" % i
            tags.add(answer.fields["etag"])
        assert len(tags) == 20
        (site / "page.txt").write_text("in place")
        s.sendall(request("/page.txt"))
        assert Answer(stream).body == b"in place"
        (site / "page.txt").unlink()
        s.sendall(request("/page.txt"))
        assert Answer(stream).status == 404


def test_a_file_that_shrinks_ends_the_connection_not_the_server(http, site, big):
    server = http()
    with call(server.port, receive_buffer=8192) as s:
        s.sendall(request("/big.bin"))
        got = s.recv(1000)
        os.truncate(site / "big.bin", 1000)
        with pytest.raises(ConnectionResetError):
            while chunk := s.recv(65536):
                got += chunk
    assert len(got) < len(big)
    server.wait_for("became shorter")
    assert ask(server.port, "/big.bin").body == big[:1000]


# Who may call --------------------------------------------------------------------------------------------------------


def is_turned_away(port):
    return ask(port, "/small.txt").status == 503


def hold(port):
    """A connection that counts: it has been answered."""
    s = call(port)
    s.sendall(request("/small.txt"))
    with s.makefile("rb") as stream:
        assert Answer(stream).status == 200
    return s


def test_conns(http):
    server = http(",conns=2")
    with hold(server.port), hold(server.port):
        with call(server.port) as s:
            assert read_all(s).startswith(b"HTTP/1.1 503 ")
        assert is_turned_away(server.port)
        with call(server.port) as late, late.makefile("rb") as stream:
            server.wait_for(r"refused 127\.0\.0\.1:\d+ http: .*conns=", 3)
            late.sendall(request("/small.txt") * 100)  # it is too late to be read, and must not cost the answer
            assert Answer(stream).status == 503
            assert stream.read() == b""
    server.wait_for(r" close #\d+ ", 2)
    hold(server.port).close()


def test_conns_per_client(http):
    server = http(",conns-per-client=1")
    with hold(server.port):
        assert is_turned_away(server.port)
        with call(server.port, source="127.0.0.2") as other, other.makefile("rb") as stream:
            other.sendall(request("/small.txt"))
            assert Answer(stream).status == 200
    server.wait_for(r"refused 127\.0\.0\.1:\d+ http: .*conns-per-client=")


@pytest.mark.parametrize("lists", [",allow=127.0.0.2", ",deny=127.0.0.0/8,allow=127.0.0.2/32"])
def test_allow_and_deny(http, lists):
    server = http(lists)
    with call(server.port, source="127.0.0.2") as s, s.makefile("rb") as stream:
        s.sendall(request("/small.txt"))
        assert Answer(stream).status == 200
    assert refused_or_reset(server.port)
    server.wait_for(r"refused 127\.0\.0\.1:\d+ http: not allowed")


# The log -------------------------------------------------------------------------------------------------------------


def visit(server):
    """A request whose fields try to break the log. The caller's own address."""
    with call(server.port) as s, s.makefile("rb") as stream:
        s.sendall(request("/small.txt", 'User-Agent: "a" \\ b\xff\t{', "Referer: http://from/"))
        assert Answer(stream).status == 200
        return "%s:%d" % s.getsockname()


def test_text_log(http):
    server = http()
    for number in (1, 2):
        peer = re.escape(visit(server))
        server.wait_for(rf"^[\d-]+T[\d:.]+Z request #{number} {peer} http \"GET\" \"/small\.txt\" 200 1024"
                        r' "http://from/" "(?:\\.|[^"\\])*"$')
        server.wait_for(rf"^[\d-]+T[\d:.]+Z close #{number} {peer} http in=\d+ out=\d+ [\d.]+s done$")


def test_json_log(http):
    server = http("", "--log", "json")
    peer = visit(server)
    server.wait_for('"event":"close"')
    lines = [json.loads(line) for line in server.log.splitlines() if not line.startswith("listening")]
    assert [(line["event"], line["number"], line["peer"]) for line in lines] \
        == [(event, 1, peer) for event in ("open", "request", "close")]
    answered = lines[1]
    assert (answered["method"], answered["target"], answered["status"], answered["bytes"]) \
        == ("GET", "/small.txt", 200, 1024)
    assert answered["agent"] == '"a" \\ b\xff\t{' and answered["referer"] == "http://from/"
    assert lines[2]["out"] > 1024 and lines[2]["seconds"] >= 0


def test_no_log(http):
    server = http("", "--log", "none")
    visit(server)
    server.term()
    assert server.wait() == 0 and len(server.log.splitlines()) == 1


# The end -------------------------------------------------------------------------------------------------------------


def wait_until_refused(port):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            call(port).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass  # whose handshake ended between the last accept and the end of listening
    raise AssertionError("callers are still heard after SIGTERM")


def stop(processes):
    """Stop them as by a debugger, so that what happens meanwhile waits for them."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
        wait_for_state(pid, "T")


def wait_for_state(pid, state):
    deadline = time.monotonic() + PATIENCE
    while (found := re.search(r"\) (\w)", Path(f"/proc/{pid}/stat").read_text()).group(1)) != state:
        assert time.monotonic() < deadline, f"process {pid} is {found}, not {state}"
        time.sleep(0.005)


def resume(processes):
    for pid in processes:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("workers", [0, 2])
def test_sigterm_hears_those_who_have_called(http, workers):
    """More than are accepted at a time wait in the backlog; most have asked already, one has not."""
    server = http("", *(["--workers", str(workers)] if workers else []))
    processes = server.workers(workers) if workers else {server.process.pid}
    with ExitStack() as stack:
        stop(processes)
        callers = [stack.enter_context(call(server.port)) for _ in range(200)]
        for s in callers[1:]:
            s.sendall(request("/small.txt"))
        server.term()
        if workers:  # the supervisor tells them, and lets go of the port
            wait_for_pending_sigterm(processes)
        resume(processes)
        server.wait_for(r" open #", len(callers))
        callers[0].sendall(request("/small.txt"))
        for s in callers:
            stream = stack.enter_context(s.makefile("rb"))
            answer = Answer(stream)
            assert answer.status == 200 and answer.fields["connection"] == "close" and stream.read() == b""
    assert server.wait() == 0


def wait_for_pending_sigterm(processes):
    deadline = time.monotonic() + PATIENCE
    for pid in processes:
        while not pending_signals(pid) >> (signal.SIGTERM - 1) & 1:
            assert time.monotonic() < deadline, f"process {pid} was not told to stop"
            time.sleep(0.005)


def pending_signals(pid):
    return int(re.search(r"^ShdPnd:\s+(\w+)", Path(f"/proc/{pid}/status").read_text(), re.M).group(1), 16)


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
def test_sigterm_lets_a_slow_download_finish(http, big, workers):
    server = http("", *workers)
    with call(server.port, receive_buffer=8192) as s, hold(server.port) as idle:
        s.sendall(request("/big.bin"))
        got = s.recv(1000)
        server.term()
        wait_until_refused(server.port)
        assert idle.recv(1) == b""
        got += read_all(s)
    assert got[got.index(b"\r\n\r\n") + 4:] == big
    assert server.wait() == 0


def test_a_second_interrupt_waits_no_longer(http):
    server = http("", "--grace", "60")
    with call(server.port, receive_buffer=8192) as s:
        s.sendall(request("/big.bin"))
        s.recv(1000)
        server.process.send_signal(signal.SIGINT)
        server.wait_for(r"stopping: connections that may finish within 60 s: 1 \(a second SIGINT ends them at once\)$")
        server.process.send_signal(signal.SIGINT)
        assert server.wait() == 0


def test_sigterm_does_not_wait_longer_than_grace(http):
    server = http("", "--grace", "0.5")
    with call(server.port, receive_buffer=8192) as s:
        s.sendall(request("/big.bin"))
        s.recv(1000)
        start = time.monotonic()
        server.term()
        server.wait_for(r"stopping: connections that may finish within 0\.5 s: 1 ")
        assert server.wait() == 0
        assert 0.4 < time.monotonic() - start < 10
