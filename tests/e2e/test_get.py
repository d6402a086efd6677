"""packetboat get: the bytes, the exit status, and nothing left behind when it fails."""

import socket
import threading

import pytest
from talk import PATIENCE


@pytest.fixture
def url(serve, site):
    return f"http://127.0.0.1:{serve(f'http://127.0.0.1:0,root={site}').port}"


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def names(directory):
    return sorted(p.name for p in directory.iterdir())


def test_to_standard_output(url, packetboat, site, big):
    for name in ["small.txt", "medium.bin", "big.bin"]:
        got = packetboat("get", f"{url}/{name}")
        assert got.returncode == 0 and got.stdout == (site / name).read_bytes() and got.stderr == ""
    assert packetboat("get", "-o", "-", f"{url}/big.bin").stdout == big


def test_several_come_in_order(url, packetboat, site):
    wanted = ["medium.bin", "small.txt", "sub/index.html"]
    got = packetboat("get", *[f"{url}/{name}" for name in wanted])
    assert got.returncode == 0 and got.stdout == b"".join((site / name).read_bytes() for name in wanted)


def test_to_a_file(url, packetboat, out, big):
    got = packetboat("get", "-o", out / "copy", f"{url}/big.bin")
    assert got.returncode == 0 and got.stdout == b""
    assert (out / "copy").read_bytes() == big and names(out) == ["copy"]


def test_several_side_by_side_under_their_names(url, packetboat, out, site):
    wanted = ["big.bin", "medium.bin", "small.txt", "inside"]
    got = packetboat("get", "-d", out, *[f"{url}/{name}" for name in wanted])
    assert got.returncode == 0 and names(out) == sorted(wanted)
    assert all((out / name).read_bytes() == (site / name).read_bytes() for name in wanted)


def test_a_redirect_is_followed(url, packetboat):
    assert packetboat("get", f"{url}/sub").stdout == b"<p>the index\n"


def test_head(url, packetboat):
    head = packetboat("get", "-I", f"{url}/small.txt").stdout
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"Content-Length: 1024\r\n" in head
    assert packetboat("get", "-i", f"{url}/small.txt").stdout.startswith(head[:15])


def test_not_found(url, packetboat, out):
    got = packetboat("get", "-o", out / "copy", f"{url}/none")
    assert got.returncode == 1 and "404 Not Found" in got.stderr and f"{url}/none" in got.stderr
    assert names(out) == [] and got.stdout == b""


def test_a_failure_does_not_touch_what_was_there(url, packetboat, out):
    (out / "copy").write_text("from before")
    assert packetboat("get", "-o", out / "copy", f"{url}/none").returncode == 1
    assert (out / "copy").read_text() == "from before" and names(out) == ["copy"]


def test_one_of_two_fails(url, packetboat, out):
    got = packetboat("get", "-d", out, f"{url}/none", f"{url}/small.txt")
    assert got.returncode == 1 and names(out) == ["small.txt"]


def test_refused(packetboat, out):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        got = packetboat("get", "-o", out / "copy", "http://127.0.0.1:%d/" % s.getsockname()[1])
    assert got.returncode == 4 and "refused" in got.stderr and names(out) == []


def test_nobody_has_the_name(packetboat, nobodys_name):
    got = packetboat("get", f"http://{nobodys_name}/")
    assert got.returncode == 3 and nobodys_name in got.stderr


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut short",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\ncut short",
    b"SSH-2.0-something\r\n",
    b"",
], ids=["short", "chunked", "not http", "nothing"])
def test_a_server_that_breaks_off_leaves_no_file(packetboat, out, answer):
    stop = threading.Event()

    def answer_all(listener):
        while not stop.is_set():
            try:
                s, _ = listener.accept()
            except socket.timeout:
                continue
            with s:
                s.settimeout(PATIENCE)
                s.recv(65536)
                s.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=answer_all, args=(listener,))
        thread.start()
        try:
            got = packetboat("get", "-o", out / "copy", "http://127.0.0.1:%d/" % listener.getsockname()[1])
        finally:
            stop.set()
            thread.join()
    assert got.returncode == 8 and got.stderr.startswith("packetboat get: ") and names(out) == []


def test_full_disk(url, packetboat):
    with open("/dev/full", "wb") as full:
        got = packetboat("get", f"{url}/big.bin", stdout=full)
    assert got.returncode == 1 and "No space left" in got.stderr


@pytest.mark.parametrize("args", [[], ["ftp://127.0.0.1/"], ["http://"], ["-j", "0", "http://127.0.0.1/"],
                                  ["-o", "one", "http://127.0.0.1/a", "http://127.0.0.1/b"]])
def test_wrong_usage(packetboat, args, out):
    got = packetboat("get", *args, cwd=out)
    assert got.returncode == 2 and got.stderr.startswith("packetboat get: ") and names(out) == []
