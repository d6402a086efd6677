"""Our stack over TAP beside the kernel's over veth: the same servers, the same load, which is the kernel's each time.

As a program it is the load of the bulk rows: tap.py send|receive ADDRESS PORT SECONDS prints Gbit/s.
"""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "build" / "packetboat"
SERVER, LOAD = "10.9.0.2", "10.9.0.1"
DISCARD, CHARGEN, HTTP = 9, 19, 80
SERVER_CORE, LOAD_CORE = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
PIECE = 1 << 20


@contextmanager
def namespace():
    """A network namespace: what goes in front of a command that shall run in it, and who holds it."""
    read, write = os.pipe()
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "ip link set lo up && echo; exec sleep infinity"], stdout=write)
    os.close(write)
    try:
        if not os.read(read, 1):
            raise SystemExit("bench: tap needs network namespaces: run it as root")
        yield ["nsenter", "-n", "-t", str(holder.pid)], holder.pid
    finally:
        os.close(read)
        holder.kill()
        holder.wait()


@contextmanager
def serving(enter, net, site):
    services = [f"discard://:{DISCARD}", f"chargen://:{CHARGEN}", f"http://:{HTTP},root={site}"]
    server = subprocess.Popen([*enter, *SERVER_CORE, PROGRAM, "serve", "--log", "none", "--net", net, *services],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while "(http)" not in (line := server.stderr.readline()):
            if not line:
                raise SystemExit("bench: packetboat does not serve; is /dev/net/tun there?")
        yield server.pid
    finally:
        server.kill()
        server.wait()


@contextmanager
def over_tap(site):
    """Gives what goes in front of the load's commands, and the server's pid."""
    with namespace() as (enter, _), serving(enter, f"tap:pb0,addr={SERVER}/24,host={LOAD}/24", site) as pid:
        yield enter, pid


@contextmanager
def over_veth(site):
    with namespace() as (server, holder), namespace() as (load, _):
        subprocess.run([*load, "ip", "link", "add", "ours", "type", "veth", "peer", "name", "theirs", "netns", str(holder)],
                       check=True)
        for enter, device, address in ((server, "theirs", SERVER), (load, "ours", LOAD)):
            subprocess.run([*enter, "ip", "address", "add", f"{address}/24", "dev", device], check=True)
            subprocess.run([*enter, "ip", "link", "set", device, "up"], check=True)
        with serving(server, "host", site) as pid:
            yield load, pid


def bulk(direction, port):
    def load(enter, seconds):
        return float(subprocess.run([*enter, *LOAD_CORE, sys.executable, __file__, direction, SERVER, str(port), str(seconds)],
                                    capture_output=True, text=True, check=True).stdout)

    return load


def wrk(connections, *args):
    def load(enter, seconds):
        out = subprocess.run([*enter, *LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}", *args,
                              f"http://{SERVER}:{HTTP}/1k"], capture_output=True, text=True).stdout
        return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])

    return load


ROWS = [
    ("bulk to the server", "Gbit/s", bulk("send", DISCARD)),
    ("bulk from the server", "Gbit/s", bulk("receive", CHARGEN)),
    ("http 1 KB, 1 connection", "requests/s", wrk(1)),
    ("http 1 KB, 64 connections", "requests/s", wrk(64)),
    ("http 1 KB, one request per connection", "requests/s", wrk(64, "-H", "Connection: close")),
]


def processor_time(pid):
    """Seconds that the server and the loads so far have run: what the kernel does for a device, it does in either."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    load = os.times()
    return sum(int(n) for n in fields[11:13]) / os.sysconf("SC_CLK_TCK") + load.children_user + load.children_system


def measure(args, peers, load):
    """Medians, by peer: the rate, and the processor time that both ends took for a thousand of its unit."""
    rates, costs = {name: [] for name in peers}, {name: [] for name in peers}
    for enter, _ in peers.values():
        load(enter, 1)
    for _ in range(args.rounds):
        for name, (enter, pid) in peers.items():
            before = processor_time(pid)
            rates[name].append(load(enter, args.seconds))
            costs[name].append((processor_time(pid) - before) / (rates[name][-1] * args.seconds) * 1000)
    return [{name: statistics.median(of) for name, of in figures.items()} for figures in (rates, costs)]


def rows(args, site, work):
    with over_tap(site) as ours, over_veth(site) as theirs:
        for label, unit, load in ROWS:
            yield f"tap: {label}", unit, *measure(args, {"packetboat": ours, "kernel over veth": theirs}, load)


def transfer(direction, address, port, seconds):
    """How many bytes go one way in so many seconds."""
    room, moved, end = bytearray(PIECE), 0, time.monotonic() + seconds
    with socket.create_connection((address, port)) as s:
        move = s.send if direction == "send" else s.recv_into
        while time.monotonic() < end:
            moved += move(room)
    return moved


def main():
    direction, address, port, seconds = sys.argv[1:]
    print(transfer(direction, address, int(port), float(seconds)) * 8 / float(seconds) / 1e9)


if __name__ == "__main__":
    main()
