"""Everything that callers do to a server, at once: ab, slow readers, slow writers, nonsense, going away at any moment.

It lasts PACKETBOAT_ABUSE_SECONDS (6; ten minutes are 600), in ROUNDS. After each all callers leave: the servers must be
back at the descriptors they began with, and at no more memory than after the first. PACKETBOAT_SEED repeats what
callers chose, though not when it met the server. With pytest's -s the figures are seen.
"""

import os
import random
import re
import socket
import struct
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from talk import PATIENCE, ask, call, exchange, need, request

SECONDS = float(os.environ.get("PACKETBOAT_ABUSE_SECONDS", "6"))
SEED = os.environ.get("PACKETBOAT_SEED") or str(random.SystemRandom().getrandbits(32))
ROUNDS = max(3, int(SECONDS / 60))
CROWD = 12  # callers of each kind
STEP = 0.02  # seconds between two steps of a caller
PAGES = ["/small.txt", "/medium.bin", "/big.bin", "/", "/none"]
STREAMS = ["http/tcp", "echo/tcp", "discard/tcp", "chargen/tcp", "daytime/tcp", "time/tcp", "relay/tcp"]
DATAGRAMS = ["echo/udp", "discard/udp", "chargen/udp", "daytime/udp", "time/udp", "relay/udp"]

# A program built to check itself keeps what it freed, to catch who still uses it: not for ever here.
ENVIRONMENT = {**os.environ,
               "ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1"]))}


# What callers do. Each is a generator, a step at a time, and goes away where it ends or is closed. -------------------


@contextmanager
def caller(rng, port, receive_buffer=None):
    """A connection that ends with a FIN or a RST, as it happens. Callers have many addresses, for more ports."""
    with call(port, receive_buffer=receive_buffer, source=f"127.0.1.{rng.randrange(1, 255)}") as s:
        if rng.random() < 0.5:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.setblocking(False)
        yield s


def read_some(s, most):
    """Whether there is, or may be, more."""
    try:
        return s.recv(most) != b""
    except BlockingIOError:
        return True


def write_some(s, data):
    """How much was taken."""
    try:
        return s.send(data)
    except BlockingIOError:
        return 0


def read_slowly(rng, ports):
    with caller(rng, ports[rng.choice(["http/tcp", "relay/tcp", "chargen/tcp"])], receive_buffer=4096) as s:
        s.send(request("/big.bin") * rng.randrange(1, 4))
        for _ in range(rng.randrange(200)):
            if not read_some(s, rng.randrange(1, 2000)):
                return
            yield


def never_read(rng, ports):
    with caller(rng, ports[rng.choice(["http/tcp", "relay/tcp", "echo/tcp", "chargen/tcp"])]) as s:
        for _ in range(rng.randrange(200)):
            write_some(s, request(rng.choice(PAGES)) * rng.randrange(1, 300))
            yield


def write_slowly(rng, ports):
    with caller(rng, ports[rng.choice(STREAMS)]) as s:
        text = request(rng.choice(PAGES), "Content-Length: 10", method=rng.choice(["GET", "POST"])) + b"0123456789"
        for i in range(len(text)):
            write_some(s, text[i:i + 1])
            yield
        while read_some(s, 1 << 16):
            yield


def talk_nonsense(rng, ports):
    with caller(rng, ports[rng.choice(STREAMS)]) as s:
        for _ in range(rng.randrange(20)):
            write_some(s, rng.randbytes(rng.randrange(1, 5000)))
            if not read_some(s, 5000):
                return
            yield


def vanish(rng, ports):
    """Between any two of: call, half a request, half-close, half an answer."""
    with caller(rng, ports[rng.choice(STREAMS)]) as s:
        asked = request(rng.choice(PAGES)) * rng.randrange(1, 5)
        steps = [lambda: write_some(s, asked[:rng.randrange(1, len(asked))]), lambda: write_some(s, asked),
                 lambda: read_some(s, rng.randrange(1, 100_000)), lambda: s.shutdown(socket.SHUT_WR)]
        for step in steps[:rng.randrange(len(steps) + 1)]:
            if rng.random() < 0.5:
                step()
            if rng.random() < 0.2:
                yield
    yield


def send_datagrams(rng, ports):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((f"127.0.1.{rng.randrange(1, 255)}", 0))
        s.setblocking(False)
        for _ in range(rng.randrange(10)):
            s.sendto(rng.randbytes(rng.randrange(2000)), ("127.0.0.1", ports[rng.choice(DATAGRAMS)]))
            read_some(s, 1 << 16)
            yield


BEHAVIOURS = [read_slowly, never_read, write_slowly, talk_nonsense, vanish, send_datagrams]


# All of them at once -------------------------------------------------------------------------------------------------


def crowd(behave, rng, ports, over):
    """CROWD callers, each of whom is followed by another. How many there were."""
    callers = [behave(rng, ports) for _ in range(CROWD)]
    count = 0
    while not over.is_set():
        for i, one in enumerate(callers):
            try:
                next(one)
            except (StopIteration, ConnectionError, socket.timeout):
                one.close()
                callers[i] = behave(rng, ports)
                count += 1
        time.sleep(STEP)
    for one in callers:
        one.close()
    return count


def ab(url, over, *options):
    """ab, again and again. How many requests were answered; all must have been."""
    answered = 0
    while not over.is_set():
        run = subprocess.run([need("ab"), "-q", "-t", "2", "-n", "50000", "-c", "10", *options, url],
                             capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr
        figures = dict(re.findall(r"^(\w+) (?:requests|responses): +(\d+)", run.stdout, re.M))
        assert figures["Failed"] == "0" and "Non" not in figures, run.stdout
        answered += int(figures["Complete"])
    return answered


def be_polite(ports, small, over):
    """Somebody who only wants a page must not suffer from the others. How long the longest wait was, in seconds."""
    longest = 0
    while not over.is_set():
        for kind in ["http/tcp", "relay/tcp"]:
            began = time.monotonic()
            answer = ask(ports[kind], "/small.txt")
            assert answer.status == 200 and answer.body == small
            longest = max(longest, time.monotonic() - began)
        assert exchange(ports["echo/tcp"], small) == small
        time.sleep(STEP)
    return longest


def abuse(ports, small, seconds, seed):
    """A line of figures."""
    over = threading.Event()
    url = "http://127.0.0.1:{}/{}"
    with ThreadPoolExecutor(len(BEHAVIOURS) + 3) as pool:
        crowds = [pool.submit(crowd, it, random.Random(f"{seed} {it.__name__}"), ports, over) for it in BEHAVIOURS]
        runs = [pool.submit(ab, url.format(ports["http/tcp"], "small.txt"), over, "-k"),
                pool.submit(ab, url.format(ports["relay/tcp"], "medium.bin"), over)]
        polite = pool.submit(be_polite, ports, small, over)
        over.wait(seconds)
        over.set()
        return (f"{sum(run.result() for run in runs)} requests of ab, {sum(c.result() for c in crowds)} callers, "
                f"longest polite wait {1000 * polite.result():.0f} ms")


# What the servers hold -----------------------------------------------------------------------------------------------


def memory(server, field):
    """In kB; VmRSS now, VmHWM at most."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M).group(1))


def forget_peak(server):
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # proc(5)


def wait_for_descriptors(servers, wanted):
    """They must come back to it, all of them."""
    deadline = time.monotonic() + PATIENCE
    while (held := [server.descriptors() for server in servers]) != wanted:
        assert time.monotonic() < deadline, f"{held} descriptors are held, not {wanted}, when all callers have left"
        time.sleep(0.05)


def test_memory_and_descriptors_stay_flat(serve, site):
    http = f"http://127.0.0.1:0,root={site},header-time=3s,idle=3s"  # more than a busy machine holds a process up
    behind = serve("--log", "none", http, "echo://127.0.0.1:0,idle=3s", env=ENVIRONMENT)
    to_http, to_echo = behind.ports["http/tcp"], behind.ports["echo/udp"]
    front = serve("--log", "none", http,
                  *(f"{kind}://127.0.0.1:0,idle=3s" for kind in ["echo", "discard", "chargen", "daytime", "time"]),
                  f"relay://127.0.0.1:0,only=tcp,to=127.0.0.1:{to_http},idle=3s",
                  f"relay://127.0.0.1:0,only=udp,to=127.0.0.1:{to_echo},idle=1s", env=ENVIRONMENT)
    servers = [front, behind]
    for page in PAGES:  # files are kept open once asked for
        for kind in ["http/tcp", "relay/tcp"]:
            ask(front.ports[kind], page)
    time.sleep(1)  # until those connections are gone, too
    at_first = [server.descriptors() for server in servers]
    after = []
    print(f"\nPACKETBOAT_SEED={SEED}; at first descriptors {at_first}, memory "
          f"{[memory(server, 'VmRSS') for server in servers]} kB")
    for i in range(ROUNDS):
        for server in servers:
            forget_peak(server)
        told = abuse(front.ports, (site / "small.txt").read_bytes(), SECONDS / ROUNDS, f"{SEED} {i}")
        wait_for_descriptors(servers, at_first)
        after.append([memory(server, "VmRSS") for server in servers])
        print(f"round {i + 1}: {told}; memory at most {[memory(server, 'VmHWM') for server in servers]} kB, "
              f"after it {after[-1]} kB")
    for first, last in zip(after[0], after[-1]):
        assert last <= first * 1.1 + 1024, f"memory grew from {first} to {last} kB"
