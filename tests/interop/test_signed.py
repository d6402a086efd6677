"""Segments signed with MD5 (RFC 2385), against the kernel's TCP_MD5SIG: both ends check each other's signatures."""

import hashlib
import ipaddress
import socket
import struct
import subprocess

import pytest
from bulk import both_ways, digest_of, kernel_server
from conftest import KERNELS, OURS
from namespace import lose, no_super_segments, sysctl
from talk import PATIENCE, need

TCP_MD5SIG = 14  # <linux/tcp.h>
TCP_MD5SIG_MAXKEYLEN = 80
KEY = "correct horse"
OURS6, KERNELS6 = "fd09::2", "fd09::1"

TIMED_OUT = 5


def md5sig(peer, key):
    """A struct tcp_md5sig."""
    address = ipaddress.ip_address(peer)
    if address.version == 4:
        sockaddr = struct.pack("=HH4s", socket.AF_INET, 0, address.packed)
    else:
        sockaddr = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, address.packed, 0)
    return struct.pack(f"=128sxxHI{TCP_MD5SIG_MAXKEYLEN}s", sockaddr, len(key), 0, key.encode())


def sign(s, peer, key=KEY):
    try:
        s.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, md5sig(peer, key))
    except OSError as error:
        pytest.skip(f"the kernel has no TCP_MD5SIG: {error.strerror}")


def call(port, peer=OURS, key=KEY, patience=PATIENCE):
    s = socket.socket(socket.AF_INET6 if ":" in peer else socket.AF_INET)
    s.settimeout(patience)
    try:
        if key:
            sign(s, peer, key)
        s.connect((peer, port))
    except BaseException:
        s.close()
        raise
    return s


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    return path


def frames(capture, *fields):
    return [line.split("\t") for line in subprocess.run(
        [need("tshark"), "-r", capture, "-Y", "tcp", "-T", "fields", *(arg for field in fields for arg in ("-e", field))],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout.splitlines()]


def check_signatures(capture, frames_min):
    """Each segment of a capture has the option, and the digest in it is the one that RFC 2385 §2.0 describes."""
    seen = frames(capture, "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.len", "tcp.hdr_len", "tcp.payload",
                  "tcp.options.md5.digest", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags",
                  "tcp.window_size_value")
    assert len(seen) >= frames_min
    for src, dst, src6, dst6, text_len, header_len, text, digest, *rest in seen:
        source, to, seq, ack, flags, window = (int(n, 0) for n in rest)
        length = int(header_len) + int(text_len)
        ends = b"".join(ipaddress.ip_address(a).packed for a in ((src, dst) if src else (src6, dst6)))
        tail = struct.pack(">HH", 6, length) if src else struct.pack(">II", length, 6)
        header = struct.pack(">HHIIBBHHH", source, to, seq, ack, int(header_len) // 4 << 4 | flags >> 8, flags & 255,
                             window, 0, 0)
        expected = hashlib.md5(ends + tail + header + bytes.fromhex(text.replace(":", "")) + KEY.encode())
        assert digest.replace(":", "") == expected.hexdigest()


def test_kernel_calls(stack, capture, key_file):
    server = stack(f"echo://:7,only=tcp,md5key={key_file}", args=["--capture", str(capture)])
    with call(7) as s:
        assert both_ways(s, 1 << 20) == (1 << 20, digest_of(1 << 20))
    server.term()
    assert server.wait() == 0
    check_signatures(capture, 1000)


def test_we_call_by_ao(on_stack, kernel_device, capture, tmp_path):
    """RFC 5925 §2.2: the first option of our SYN, with both identifiers. Few kernels could answer it."""
    key = tmp_path / "keys"
    key.write_text("7 correct horse\n8 battery staple\n")
    spec = kernel_device()
    with socket.create_server((KERNELS, 0)) as s:
        done = on_stack("connect", "-w", 2, "--aokey", key, "--capture", capture, KERNELS, s.getsockname()[1], spec=spec)
    assert done.returncode == TIMED_OUT, done.stderr
    syns = [options.replace(":", "") for flags, options in frames(capture, "tcp.flags", "tcp.options")
            if int(flags, 0) == 2]
    assert syns and all(options.startswith("1d100707") for options in syns)
    assert "horse" not in done.stderr


def test_kernel_calls_over_ipv6(stack, capture, key_file):
    sysctl("ipv6/conf/default/accept_dad", 0)  # or its address could not be used at once
    server = stack(f"echo://:7,only=tcp,md5key={key_file}", args=["--capture", str(capture)], addr=f"{OURS6}/64",
                   host=f"{KERNELS6}/64")
    with call(7, OURS6) as s:
        assert both_ways(s, 1 << 20) == (1 << 20, digest_of(1 << 20))
    server.term()
    assert server.wait() == 0
    check_signatures(capture, 1000)


def test_we_call(on_stack, kernel_device, capture, key_file):
    spec = kernel_device()
    with kernel_server(KERNELS, lambda s: both_ways(s, 1 << 20), PATIENCE, prepare=lambda s: sign(s, OURS)) as (port, got):
        done = on_stack("connect", "--md5key", key_file, "--capture", capture, KERNELS, port, spec=spec,
                        input=b"x" * (1 << 20))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) == 1 << 20
    check_signatures(capture, 1000)


@pytest.mark.parametrize("key", [None, "wrong horse"])
def test_kernel_is_not_heard(stack, key_file, key):
    stack(f"echo://:7,only=tcp,md5key={key_file}")
    with pytest.raises(TimeoutError):
        call(7, key=key, patience=2)


@pytest.mark.parametrize("key", [None, "wrong horse"])
def test_we_are_not_heard(on_stack, kernel_device, tmp_path, key):
    spec = kernel_device()
    path = tmp_path / "wrong"
    path.write_text(key or "")
    with socket.create_server((KERNELS, 0)) as s:
        sign(s, OURS)
        done = on_stack("connect", "-w", 2, *(["--md5key", path] if key else []), KERNELS, s.getsockname()[1], spec=spec,
                        input=b"")
    assert done.returncode == TIMED_OUT


def test_signed_where_nobody_asked(stack):
    """The kernel signs, and we have no key: RFC 2385 has us drop it."""
    stack("echo://:7,only=tcp")
    with pytest.raises(TimeoutError):
        call(7, patience=2)


def test_under_loss(stack, key_file):
    stack(f"echo://:7,only=tcp,md5key={key_file}")
    no_super_segments()
    lose("pb0", 0.02)
    with call(7) as s:
        s.settimeout(2 * PATIENCE)
        assert both_ways(s, 1 << 20) == (1 << 20, digest_of(1 << 20))


def test_reset(stack, key_file):
    """A reset of ours is signed, or the kernel would not believe it."""
    stack(f"echo://:7,only=tcp,md5key={key_file},deny={KERNELS}")
    with pytest.raises(ConnectionResetError), call(7) as s:
        s.recv(1)
