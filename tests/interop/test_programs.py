"""Programs that are not ours, over the kernel's TCP/IP, with ours over our own stack."""

import json
import re
import subprocess

import pytest
from conftest import FULL, KERNELS, OURS
from namespace import run, socket_info
from talk import PATIENCE, call, need

SECONDS = 10 if FULL else 1
FLOOD = 100000 if FULL else 5000


@pytest.fixture
def web(stack, site):
    stack(f"http://:80,root={site}")
    return f"http://{OURS}"


@pytest.mark.parametrize("kind", ["tap", "tun"])
def test_curl(stack, site, big, tmp_path, kind):
    stack(f"http://:80,root={site}", kind=kind)
    urls = [f"http://{OURS}/{name}" for name in ("big.bin", "medium.bin", "small.txt", "big.bin")]
    outputs = [tmp_path / str(i) for i in range(len(urls))]
    run("curl", "-sSf", "--max-time", PATIENCE, *(it for pair in zip(outputs, urls) for it in ("-o", *pair)))
    assert [it.read_bytes() for it in outputs] == [big, big[:100 << 10], (site / "small.txt").read_bytes(), big]


def test_curl_in_parallel(web, big, tmp_path):
    run("curl", "-sSf", "--max-time", PATIENCE, "-Z", "--parallel-immediate", "-o", tmp_path / "#1",
        f"{web}/big.bin?[1-8]")
    assert all((tmp_path / str(i)).read_bytes() == big for i in range(1, 9))


def test_ab(web):
    count = 50000 if FULL else 3000
    for keep_alive in ([], ["-k"]):
        said = run("ab", "-q", *keep_alive, "-c", 50, "-n", count, f"{web}/small.txt", stdout=subprocess.PIPE).stdout
        assert re.search(rf"Complete requests: +{count}$", said, re.MULTILINE), said
        assert re.search(r"Failed requests: +0$", said, re.MULTILINE), said


@pytest.mark.parametrize("udp", [(), ("-u", "-w", "1")], ids=["tcp", "udp"])
def test_nc(stack, udp):
    stack("echo://:7")
    args = udp or ("-N", )
    done = subprocess.run([need("nc"), *args, OURS, "7"], input=b"hello\n", stdout=subprocess.PIPE, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (0, b"hello\n")


def test_nc_listens(on_stack, kernel_device):
    spec = kernel_device()
    with subprocess.Popen([need("nc"), "-l", "-N", KERNELS, "99"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as nc:
        while "99" not in run("ss", "-tlnH", stdout=subprocess.PIPE).stdout:
            assert nc.poll() is None
        nc.stdin.write(b"from the kernel\n")
        nc.stdin.close()
        done = on_stack("connect", KERNELS, 99, spec=spec, input=b"from our stack\n")
        assert (done.returncode, done.stdout) == (0, b"from the kernel\n"), done.stderr
        assert nc.stdout.read() == b"from our stack\n"


class TestPing:
    def test_flood(self, stack):
        stack("echo://:7")
        for size in (0, 56, 1472, 1473, 9000):
            said = run("ping", "-f", "-c", FLOOD if size < 1473 else FLOOD // 10, "-s", size, OURS,
                       stdout=subprocess.PIPE).stdout
            assert ", 0% packet loss" in said

    def test_ours(self, on_stack):
        done = on_stack("ping", "--json", "-c", 3, "-i", "0.05", KERNELS)
        assert done.returncode == 0
        statistics = json.loads(done.stdout.splitlines()[-1])
        assert (statistics["sent"], statistics["received"], statistics["errors"]) == (3, 3, 0)

    def test_our_fragments(self, on_stack):
        assert on_stack("ping", "-c", 3, "-i", "0.05", "-s", 20000, KERNELS).returncode == 0

    def test_nobody(self, on_stack):
        assert on_stack("ping", "-c", 1, "-w", 1, "10.9.0.77").returncode in (5, 6)


def iperf3(*args):
    """A measurement through our relay, which calls the kernel's iperf3 server over the same device: its sums."""
    with subprocess.Popen([need("iperf3"), "-s", "-1", "-B", KERNELS], stdout=subprocess.DEVNULL) as server:
        try:
            while ":5201" not in run("ss", "-tlnH", stdout=subprocess.PIPE).stdout:
                assert server.poll() is None
            said = run("iperf3", "-J", "-c", OURS, "-t", SECONDS, *args, stdout=subprocess.PIPE, timeout=60).stdout
            return json.loads(said)["end"]
        finally:
            server.kill()


@pytest.mark.parametrize("args", [["--bidir"], ["-R", "-P", "8"], ["-l", "100"]], ids=" ".join)
def test_iperf3(stack, args):
    stack(f"relay://:5201,to={KERNELS}:5201", args=["--log", "none"])
    end = iperf3(*args)
    sums = [it for name, it in end.items() if name.startswith("sum_received")]
    assert sums and all(it["bits_per_second"] > 1e6 for it in sums), end
    sent = end["sum_sent"]
    assert sent["retransmits"] <= 0.01 * sent["bytes"] / 1448  # probes where we are late on a busy machine


def test_get_from_nginx(on_stack, kernel_device, nginx_at, big):
    spec = kernel_device()
    _, port = nginx_at(KERNELS)
    done = on_stack("get", "-q", f"http://{KERNELS}:{port}/big.bin", f"http://{KERNELS}:{port}/small.txt", spec=spec)
    assert done.returncode == 0, done.stderr
    assert done.stdout == big + b"0123456789abcdef" * 64


def test_relay_to_nginx(serve, kernel_device, nginx_at, big, tmp_path):
    spec = kernel_device()
    _, port = nginx_at(KERNELS)
    serve("--net", spec, f"relay://:80,to={KERNELS}:{port}")
    run("curl", "-sSf", "--max-time", PATIENCE, "-Z", "-o", tmp_path / "#1", f"http://{OURS}/big.bin?[1-4]")
    assert all((tmp_path / str(i)).read_bytes() == big for i in range(1, 5))


def test_ss_shows_sane_numbers(stack):
    stack("echo://:7")
    with call(7, OURS) as s:
        for _ in range(100):
            s.sendall(b"x" * 1000)
            assert len(s.recv(1000, 0x100)) == 1000
        info = socket_info(7)
    assert info["bytes_acked"] in (100000, 100001)  # some kernels count SYN
    assert info["bytes_received"] == 100000
    assert 0 < info["rtt"] < 100  # ms
    assert info["mss"] == 1448
    assert info["wscale"] >= 5  # theirs; ours, behind the comma, is not read
    assert info["snd_wnd"] > 65535  # a field alone cannot say it
    assert "retrans" not in info
    assert "lost" not in info
    assert "unacked" not in info


def test_a_device_has_one_process(packetboat):
    done = packetboat("serve", "--workers", 2, "--net", "tap:pb0,addr=10.9.0.2/24", "echo://:7")
    assert done.returncode == 2
    assert "--workers shares ports of the host" in done.stderr
