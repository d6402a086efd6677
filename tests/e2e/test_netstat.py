"""netstat: every state that two sockets can be brought to, against ss and against what the servers log."""

import json
import os
import re
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from talk import PATIENCE, call, has_ipv6, need

STATES_OF_SS = {"ESTAB": "ESTABLISHED"}  # where it abbreviates

@pytest.fixture
def netstat(packetboat):
    def rows(*args):
        done = packetboat("netstat", "--json", *args)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return rows


@contextmanager
def pair(address="127.0.0.1"):
    """A listener, a client that has called it, and the connection that it got."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        with call(listener.getsockname()[1], address) as client:
            server, _ = listener.accept()
            with server:
                yield listener, client, server


def port(s):
    return s.getsockname()[1]


def expect(netstat, address, wanted):
    """States by local and foreign port, of all sockets between these. An acknowledgement may take its time."""
    ports = {port for ends in wanted for port in ends}
    deadline = time.monotonic() + PATIENCE
    while (found := {(row["local_port"], row.get("foreign_port")): row["state"] for row in netstat("-at")
                     if row["local_address"] == address and {row["local_port"], row.get("foreign_port")} <= ports}
           ) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_life_of_a_connection(netstat, address):
    if address == "::1" and not has_ipv6():
        pytest.skip("this machine has no ::1")
    with pair(address) as (listener, client, server):
        at, of = port(listener), port(client)
        expect(netstat, address, {(at, None): "LISTEN", (at, of): "ESTABLISHED", (of, at): "ESTABLISHED"})
        client.shutdown(socket.SHUT_WR)
        assert server.recv(1) == b""
        expect(netstat, address, {(at, None): "LISTEN", (at, of): "CLOSE-WAIT", (of, at): "FIN-WAIT-2"})
        server.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    expect(netstat, address, {(of, at): "TIME-WAIT"})


def test_queues(netstat):
    with pair() as (listener, client, server):
        client.sendall(b"12345")
        with call(port(listener)):  # and is not accepted
            rows = {(row["local_port"], row.get("foreign_port")): row for row in netstat("-at")}
            assert rows[port(server), port(client)]["recv_queue"] == 5
            assert rows[port(client), port(server)]["recv_queue"] == 0
            assert rows[port(listener), None]["recv_queue"] == 1


def test_a_full_pipe_has_a_send_queue(netstat):
    with pair() as (_, client, server):
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                client.send(bytes(1 << 16))
        sent = {row["local_port"]: row for row in netstat("-t") if row["foreign_port"] == port(server)}
        assert sent[port(client)]["send_queue"] > 0


def ss():
    run = subprocess.run([need("ss"), "-Htan"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return [line.split()[:5] for line in run.stdout.splitlines()]


def test_ss_sees_the_same(netstat):
    with pair() as (listener, client, server):
        client.sendall(b"12345")
        client.shutdown(socket.SHUT_WR)
        at, of = port(listener), port(client)
        expect(netstat, "127.0.0.1", {(at, None): "LISTEN", (at, of): "CLOSE-WAIT", (of, at): "FIN-WAIT-2"})
        ends = [f"127.0.0.1:{at}", f"127.0.0.1:{of}", "0.0.0.0:*"]
        seen, seen_by_ss = set(), set()
        for row in netstat("-at"):
            local = f"{row['local_address']}:{row['local_port']}"
            foreign = f"{row.get('foreign_address', '0.0.0.0')}:{row.get('foreign_port', '*')}"
            if local in ends and foreign in ends:
                seen.add((row["state"], row["recv_queue"], row["send_queue"], local, foreign))
        for state, recv_queue, send_queue, local, foreign in ss():
            if local in ends and foreign in ends:
                seen_by_ss.add((STATES_OF_SS.get(state, state), int(recv_queue), int(send_queue), local, foreign))
    assert len(seen) == 3 and seen == seen_by_ss


def test_which_sockets_are_wanted(netstat):
    with pair() as (listener, client, _), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))

        def kinds(*args):
            ours = {("tcp", port(listener)): "listener", ("tcp", port(client)): "client", ("udp", port(udp)): "udp"}
            return {ours.get((row["proto"], row["local_port"])) for row in netstat(*args)
                    if row["local_address"] == "127.0.0.1"} - {None}

        assert kinds("-a") == kinds("-a", "-4") == {"listener", "client", "udp"}
        assert kinds("-a", "-6") == set()
        assert kinds("-a", "-t") == {"listener", "client"}
        assert kinds("-a", "-u") == {"udp"}
        assert kinds("-l") == {"listener", "udp"}
        assert kinds("-t", "-l") == {"listener"}


def test_programs(netstat):
    with pair() as (listener, *_):
        row, = [row for row in netstat("-ltp") if row["local_port"] == port(listener)]
    assert (row["pid"], row["program"]) == (os.getpid(), Path("/proc/self/comm").read_text().strip())


def test_names_and_numbers(netstat, packetboat):
    with socket.create_server(("127.0.4.1", 8080)):
        row, = [row for row in netstat("-ltr") if row["local_address"] == "127.0.4.1"]
        assert row["local_service"] == "http-alt"
        assert b" 127.0.4.1:http-alt " in packetboat("netstat", "-lt").stdout
        assert b" 127.0.4.1:8080 " in packetboat("netstat", "-ltn").stdout
    with pair() as (listener, *_):
        row, = [row for row in netstat("-ltr") if row["local_port"] == port(listener)]
        assert row["local_host"] == socket.getfqdn("127.0.0.1")


def test_connections_of_our_servers_are_numbered_as_in_the_log(netstat, packetboat, serve):
    server = serve("echo://127.0.0.1:0,only=tcp")
    with call(server.port), call(server.port) as second:
        second.sendall(b"12345")
        assert second.recv(5, socket.MSG_WAITALL) == b"12345"
        number, = server.wait_for(rf" open #(\d+) 127\.0\.0\.1:{port(second)} ")
        row, = [row for row in netstat("-t") if (row["local_port"], row["foreign_port"]) == (server.port, port(second))]
        assert (row["number"], row["service"], row["bytes_in"], row["bytes_out"]) == (int(number), "echo", 5, 5)
        line, = [line for line in packetboat("netstat", "-nt").stdout.decode().splitlines()
                 if re.search(rf":{server.port} +127\.0\.0\.1:{port(second)} ", line)]
        assert line.split()[-4:] == [number, "5", "5", "echo"]


def test_columns_line_up(packetboat):
    with pair():
        head, *lines = packetboat("netstat", "-an").stdout.decode().splitlines()
    for name in ["Local Address", "Foreign Address", "State"]:
        at = head.index(name)
        assert all(line[at - 1:at] in (" ", "") for line in lines)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_full_disk(packetboat, form):
    with pair(), open("/dev/full", "w") as full:
        done = packetboat("netstat", "-a", *form, stdout=full)
    assert done.returncode == 1 and "cannot write to standard output" in done.stderr


@pytest.mark.parametrize("args", [["x"], ["--nonsense"], ["-z"]])
def test_wrong_usage(packetboat, args):
    done = packetboat("netstat", *args)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr.startswith("packetboat netstat: ")
