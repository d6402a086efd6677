"""ping: answers, figures, exit codes. What needs a network of its own makes one, where that is permitted."""

import json
import re
import signal
import subprocess
import time

import pytest
from conftest import PROGRAM
from talk import PATIENCE, has_ipv6, need

# In a network namespace of its own (unshare(1)): a device behind which there is nobody, and routes that refuse.
ALONE = """
set -e
ip link set lo up
ip tuntap add name hole mode tun
ip addr add 10.0.0.1/24 dev hole
ip link set hole up
ip route add unreachable 10.0.1.0/24
exec "$@"
"""


@pytest.fixture
def ping(packetboat):
    def run(*args):
        done = packetboat("ping", *args)
        if done.returncode == 9 and "ermitted" in done.stderr:
            pytest.skip("this user may not send ICMP here (net.ipv4.ping_group_range)")
        return done

    return run


@pytest.fixture
def ping_alone():
    """ping in a network where nobody answers but the host itself."""
    unshare = [need("unshare"), "--map-root-user", "--net", "sh", "-c", ALONE, "sh"]
    need("ip")
    if subprocess.run([*unshare, "true"], capture_output=True, timeout=PATIENCE).returncode:
        pytest.skip("this user may not make a network namespace here")
    return lambda *args: subprocess.run([*unshare, PROGRAM, "ping", *args], capture_output=True, text=True,
                                        timeout=PATIENCE)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_answers_are_told_and_summed_up(ping, address):
    if address == "::1" and not has_ipv6():
        pytest.skip("this machine has no ::1")
    done = ping("-c", "3", "-i", "0.01", address)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"PING {address} ({address}), 56 bytes of data"
    for i, line in enumerate(lines[1:4], 1):
        assert re.fullmatch(rf"64 bytes from {address}: seq={i} ttl=\d+ time=\d+\.\d{{3}} ms", line)
    assert lines[5] == f"{address}: 3 sent, 3 received, 0% lost"
    least, mean, most, _ = map(float, re.findall(r"\d+\.\d+", lines[6]))
    assert least <= mean <= most


def test_json(ping):
    begin, *replies, end = [json.loads(line) for line in ping("--json", "-c", "3", "-i", "0.01", "-s", "100",
                                                              "127.0.0.1").stdout.splitlines()]
    assert (begin["event"], begin["address"], begin["bytes"]) == ("begin", "127.0.0.1", 100)
    assert [(r["event"], r["seq"], r["bytes"]) for r in replies] == [("reply", i, 108) for i in (1, 2, 3)]
    assert (end["event"], end["sent"], end["received"], end["loss_percent"]) == ("statistics", 3, 3, 0)
    assert end["time_ms"]["min"] == min(r["time_ms"] for r in replies)


def test_a_name_and_the_largest_request(ping):
    done = ping("-4", "-c", "1", "-s", "65507", "localhost")
    assert done.returncode == 0 and b"PING localhost (127.0.0.1)" in done.stdout
    assert b"65515 bytes from 127.0.0.1" in done.stdout


def test_the_interval_is_kept(ping):
    began = time.monotonic()
    assert ping("-c", "4", "-i", "0.2", "127.0.0.1").returncode == 0
    assert time.monotonic() - began > 0.6


def test_deadline(ping):
    done = ping("-w", "0.5", "-i", "0.2", "127.0.0.1")
    assert done.returncode == 0 and b" 3 sent, 3 received" in done.stdout


def test_interrupted_it_sums_up(ping):
    ping("-c", "1", "127.0.0.1")  # passes over where it is not permitted
    with subprocess.Popen([PROGRAM, "ping", "-i", "0.01", "127.0.0.1"], stdout=subprocess.PIPE, text=True) as process:
        while "seq=3 " not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        told = process.stdout.read()
        assert process.wait(PATIENCE) == 0
    sent, received = map(int, re.search(r"(\d+) sent, (\d+) received", told).groups())
    assert sent - 1 <= received <= sent and received >= 3


def test_nobody_answers(ping_alone):
    done = ping_alone("-c", "2", "-i", "0.05", "-W", "0.1", "10.0.0.2")
    assert done.returncode == 5 and "2 sent, 0 received, 100% lost" in done.stdout


def test_cannot_be_reached(ping_alone):
    done = ping_alone("-c", "1", "10.0.1.1")
    assert done.returncode == 6 and "cannot reach 10.0.1.1" in done.stderr and "No route to host" in done.stderr
    done = ping_alone("-c", "1", "10.0.2.1")
    assert done.returncode == 6 and "Network is unreachable" in done.stderr


def test_the_host_itself_answers(ping_alone):
    assert ping_alone("-c", "1", "10.0.0.1").returncode == 0


def test_nobody_has_the_name(packetboat, nobodys_name):
    done = packetboat("ping", "-c", "1", nobodys_name)
    assert done.returncode == 3 and nobodys_name in done.stderr and done.stdout == b""


@pytest.mark.parametrize("args", [[], ["127.0.0.1", "127.0.0.1"], ["-c", "x", "127.0.0.1"],
                                  ["-s", "65508", "127.0.0.1"], ["-i", "-1", "127.0.0.1"],
                                  ["-t", "256", "127.0.0.1"], ["--nonsense", "127.0.0.1"]])
def test_wrong_usage(packetboat, args):
    done = packetboat("ping", *args)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr.startswith("packetboat ping: ")


def test_full_disk(ping):
    ping("-c", "1", "127.0.0.1")
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "ping", "-c", "1", "127.0.0.1"], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE)
    assert done.returncode == 1 and "No space left on device" in done.stderr
