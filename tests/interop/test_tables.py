"""netstat beside the kernel's sockets shows those of our stacks, and says which is which."""

import json

import pytest
from conftest import KERNELS, OURS
from talk import call


def ends(row):
    return row["local_address"], row["local_port"], row.get("foreign_address"), row.get("foreign_port")


def test_stacks_are_beside_the_kernel(stack, packetboat):
    server = stack(f"echo://{OURS}:7", f"discard://{OURS}:9")
    with call(7, OURS) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"
        rows = json.loads(packetboat("netstat", "--json", "-an").stdout)
        table = packetboat("netstat", "-tanp").stdout.decode().splitlines()
        ours = [row for row in rows if row["net"] == "tap:pb0"]
        port = client.getsockname()[1]
    connected = {(row["net"], *ends(row)): row for row in rows if row["state"] == "ESTABLISHED"}
    assert connected.keys() == {("tap:pb0", OURS, 7, KERNELS, port), ("host", KERNELS, port, OURS, 7)}
    mine = connected["tap:pb0", OURS, 7, KERNELS, port]
    assert (mine["service"], mine["bytes_in"], mine["bytes_out"], mine["pid"]) == ("echo", 5, 5, server.process.pid)
    assert mine["net_addresses"] == [f"{OURS}/24"]
    assert {(row["proto"], row["local_port"], row["service"]) for row in ours if row is not mine} == {
        (proto, port, service) for proto in ("tcp", "udp") for port, service in ((7, "echo"), (9, "discard"))}
    assert all(row["net"] == "host" for row in rows if row not in ours)
    assert "Net" in table[0].split()
    line, = (line for line in table if f"{OURS}:7" in line.split()[3:4] and "ESTABLISHED" in line)
    assert f"tap:pb0 (pid {server.process.pid})" in line
    line, = (line for line in table if f"{KERNELS}:{port}" in line.split()[3:4])
    assert "host" in line.split()


def test_one_net_only(stack, packetboat):
    stack(f"echo://{OURS}:7")

    def nets(net):
        done = packetboat("netstat", "--json", "-a", "--net", net)
        assert done.returncode == 0, done.stderr
        return [row["net"] for row in json.loads(done.stdout)]

    with call(7, OURS):
        assert nets("host") == ["host"]  # the client; the namespace has nothing else
        assert nets("tap:pb0") == ["tap:pb0"] * 3  # listening on TCP, UDP, and connected
        assert nets(f"tap:pb0,addr={OURS}/24") == ["tap:pb0"] * 3
    done = packetboat("netstat", "--net", "tap:pb1")
    assert (done.returncode, done.stdout) == (1, b"")
    assert "no running server is on tap:pb1" in done.stderr


@pytest.mark.parametrize("net", ["hots", "tap:", ""])
def test_what_is_no_net(packetboat, net):
    done = packetboat("netstat", "--net", net)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "--net" in done.stderr


def test_the_types_asked_for(stack, packetboat):
    stack(f"echo://{OURS}:7")
    for option, proto in (("-t", "tcp"), ("-u", "udp")):
        rows = json.loads(packetboat("netstat", "--json", "-l", option).stdout)
        assert [(row["net"], row["proto"], row["local_port"]) for row in rows] == [("tap:pb0", proto, 7)]
    assert json.loads(packetboat("netstat", "--json", "-l", "-6").stdout) == []
