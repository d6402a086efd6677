"""The demo ends by itself, in time, on 80 columns, and leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from talk import need, need_terminal

PROGRAM = os.environ.get("PACKETBOAT", str(Path(__file__).resolve().parents[2] / "build" / "packetboat"))
ROW = re.compile(r"^ *\d+\.\d{3} ")


def play(*args):
    """What it says; it must leave nothing behind, and keep to its time and its columns."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as room:
        run = subprocess.run([PROGRAM, "demo", *args], capture_output=True, text=True, timeout=60,
                             env={**os.environ, "TMPDIR": room})
        assert os.listdir(room) == []
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert time.monotonic() - start < 15
    assert max(len(line) for line in run.stdout.splitlines()) <= 80
    return run.stdout


@pytest.fixture(scope="module")
def story():
    return play()


def arrows(story, number):
    """The segments of a scene: (left state, left port, direction, what it says, right port, right state)."""
    text = re.search(rf"^{number}\. .*?(?=^\d+\. |^That was all|\Z)", story, re.M | re.S).group(0)
    found = []
    for line in text.splitlines():
        to_right = re.match(r" *[\d.]+ (\S+) +(\d+) - (.*?) -*([>X]) +(\S+) +(\S+)$", line)
        to_left = re.match(r" *[\d.]+ (\S+) +(\d+) +([<X])-* (.*?) - (\S+) +(\S+)$", line)
        if to_right:
            state, port, said, head, other, other_state = to_right.groups()
            found.append((state, port, head, said, other, other_state))
        elif to_left:
            state, port, head, said, other, other_state = to_left.groups()
            found.append((state, port, "<" if head == "<" else "x", said, other, other_state))
    return found


def stages(states):
    """What comes one after the other, each once."""
    return [state for n, state in enumerate(states) if n == 0 or state != states[n - 1]]


def test_a_textbook_connection(story):
    """The handshake, the request, the reply to the port it came from, the close; and each side's states."""
    segments = arrows(story, 2)
    assert [(s[0], s[2], s[3], s[5]) for s in segments[:3]] == [
        ("SYN-SENT", ">", "SYN seq 0", "SYN-RECEIVED"),
        ("ESTABLISHED", "<", "SYN,ACK seq 0 ack 1", "SYN-RECEIVED"),
        ("ESTABLISHED", ">", "ACK seq 1 ack 1", "ESTABLISHED"),
    ]
    said = [(s[2], s[3].split()[0]) for s in segments[3:]]
    assert [one for one in said if one[1] != "ACK"] == [(">", "PSH,ACK"), ("<", "PSH,ACK"), (">", "FIN,ACK"),
                                                      ("<", "FIN,ACK")]
    assert said[-1] == (">", "ACK")
    # An acknowledgement may come by itself (FIN-WAIT-2), or with the other side's FIN.
    left = [state for state in stages([s[0] for s in segments]) if state != "FIN-WAIT-2"]
    assert left == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT"]
    right = stages([s[5] for s in segments])
    assert right == ["SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    assert {(s[1], s[4]) for s in segments} == {("3022", "80")}
    assert "source 177.41.72.6:3022 41.199.222.3:80 destination 41.199.222.3:80 177.41.72.6:3022" in " ".join(
        story.split())
    assert "| GET /hello.txt HTTP/1.1" in story and "| HTTP/1.1 200 OK" in story


def test_neighbours(story):
    text = re.search(r"^1\. .*?(?=^2\. )", story, re.M | re.S).group(0)
    for word in ["ARP who has 192.168.1.1?", "ARP 192.168.1.1 is at ", "ICMP echo request", "ICMP echo reply",
                 "ICMP port unreachable", "Connection refused", "No route to host"]:
        assert word in text
    assert text.count("ARP who has 192.168.1.9?") >= 3
    assert " is at " not in text.split("192.168.1.9?")[-1]


def test_dynamic_ports_and_two_servers(story):
    ports = {int(s[1]) for s in arrows(story, 3)}
    assert len(ports) == 2 and all(49152 <= port <= 65535 for port in ports)
    assert {s[4] for s in arrows(story, 4)} == {".1:80", ".2:80"}
    assert "already in use" in story


def test_a_process_that_dies_says_so_and_a_host_does_not(story):
    process, host = arrows(story, 5), arrows(story, 6)
    assert [s[3].split()[0] for s in process if s[2] == "<"].count("FIN,ACK") == 1
    assert [s[3].split()[0] for s in process if s[2] == "<"].count("RST,ACK") == 2
    # Up to where it gives up, nothing but the handshake's one segment has come from the host.
    off = [s for s in host if s[5] == "(off)"]
    assert len(off) > 15 and {s[2] for s in off} == {"X"}
    first, again = story.split("Connection timed out")
    assert [s[2] for s in arrows(first + "\n", 6)].count("<") == 1
    assert [s[3].split()[0] for s in arrows("6. " + again, 6) if s[2] == "<"] == ["SYN,ACK", "RST"]


def test_what_is_lost_is_sent_again(story):
    for number in (7, 8):
        segments = arrows(story, number)
        lost = {s[3] for s in segments if s[2] in "Xx"}
        assert lost and any(s[3] in lost for s in segments if s[2] in "<>")
    assert "200 OK, 16384 bytes" in story
    assert "Each byte came once, and in order." in story


def test_it_replays(story):
    assert play() == story
    other = play("--seed", "7")
    assert other != story and other == play("--seed", "7")


@pytest.mark.parametrize("seed", [1, 2, 3, 26])
def test_other_seeds_end_well_too(seed):
    assert "Each byte came once, and in order." in play("--seed", str(seed))


def test_the_capture_is_sound(tmp_path):
    tshark = need("tshark")
    play("--capture", str(tmp_path / "demo.pcapng"))

    def count(filter):
        run = subprocess.run([tshark, "-r", tmp_path / "demo.pcapng", "-o", "tcp.check_checksum:TRUE",
                              "-o", "ip.check_checksum:TRUE", "-Y", filter], capture_output=True, text=True, check=True)
        return len(run.stdout.splitlines())

    assert count("_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0") == 0
    assert count("tcp.checksum.status == 1") > 100 and count("arp") >= 8 and count("icmp") >= 3


def test_on_a_terminal_people_can_follow():
    """It takes its time there, and no more than that."""
    need("script")
    for end in need_terminal():
        os.close(end)
    start = time.monotonic()
    command = f"{PROGRAM} demo"
    run = subprocess.run([shutil.which("script"), "-qec", command, "/dev/null"], capture_output=True, timeout=60,
                         stdin=subprocess.DEVNULL)
    assert run.returncode == 0
    assert 3 < time.monotonic() - start < 15
    assert b"\033[" in run.stdout


@pytest.mark.parametrize("args", [[], ["--net", "host"]])
def test_interrupted_it_leaves_nothing(tmp_path, args):
    """On a terminal, where it is slow enough to be caught in the act."""
    ours, its = need_terminal()
    demo = subprocess.Popen([PROGRAM, "demo", *args], stdout=its, stderr=its, env={**os.environ, "TMPDIR": str(tmp_path)})
    os.close(its)
    deadline = time.monotonic() + 10
    while b"1. " not in os.read(ours, 65536):
        assert time.monotonic() < deadline
    assert len(os.listdir(tmp_path)) == 1
    demo.send_signal(signal.SIGINT)
    assert demo.wait(10) == -signal.SIGINT
    os.close(ours)
    assert os.listdir(tmp_path) == []


def test_a_capture_that_cannot_be_written():
    run = subprocess.run([PROGRAM, "demo", "--capture", "/nonexistent/demo.pcapng"], capture_output=True, text=True,
                         timeout=60)
    assert run.returncode == 1
    assert "/nonexistent/demo.pcapng: No such file or directory" in run.stderr


@pytest.mark.parametrize("args", [["--net", "tap:x"], ["--net", "host", "--seed", "1"], ["--seed", "x"], ["more"],
                                  ["--net", "host", "--capture", "x.pcapng"]])
def test_wrong_usage(args):
    run = subprocess.run([PROGRAM, "demo", *args], capture_output=True, text=True, timeout=60)
    assert run.returncode == 2 and run.stdout == ""


def test_on_the_host():
    said = " ".join(play("--net", "host").replace("|", " ").split())
    for word in ["ESTABLISHED", "TIME-WAIT", "CLOSE-WAIT", "FIN-WAIT-2", "already in use by packetboat (pid ",
                 "HTTP/1.1 200 OK", "hello over UDP", "kill -9"]:
        assert word in said
