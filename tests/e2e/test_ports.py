"""ports: the registry, against the C library's reading of it, and who listens."""

import json
import os
import socket
from pathlib import Path

import pytest


PROTOCOLS = ["tcp", "udp", "sctp", "dccp", "ddp"]  # those of /etc/services in Debian 12


def ports(packetboat, *args):
    done = packetboat("ports", "--json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["http", "domain", "echo", "ftp", "ntp"])
def test_a_name_has_the_port_that_the_c_library_finds(packetboat, name):
    entries = ports(packetboat, name)["entries"]
    assert entries
    for entry in entries:
        assert entry["port"] == socket.getservbyname(name, entry["proto"]) and entry["class"] == "well-known"
    line = packetboat("ports", name).stdout.decode().splitlines()[1].split()
    assert line[:3] == [name, f"{entries[0]['port']}/{entries[0]['proto']}", "well-known"]


def test_an_alias(packetboat):
    assert [entry["name"] for entry in ports(packetboat, "www")["entries"]] == ["http"]


def test_a_number_has_the_name_that_the_c_library_finds(packetboat):
    for number in [7, 53, 80, 6000]:
        for entry in ports(packetboat, number)["entries"]:
            assert entry["name"] == socket.getservbyport(number, entry["proto"])


def test_a_range(packetboat):
    found = ports(packetboat, "0-1023")["entries"]
    assert {(e["port"], e["proto"]) for e in found} == {
        (number, proto) for number in range(1024) for proto in PROTOCOLS if is_named(number, proto)}


def is_named(number, proto):
    try:
        return bool(socket.getservbyport(number, proto))
    except OSError:
        return False


def test_classes_and_this_hosts_ephemeral_ports(packetboat):
    all_of_it = ports(packetboat)
    assert all_of_it["classes"] == {"well-known": {"first": 0, "last": 1023},  # RFC 6335 6
                                    "registered": {"first": 1024, "last": 49151},
                                    "dynamic": {"first": 49152, "last": 65535}}
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert all_of_it["ephemeral"] == {"first": first, "last": last}
    with socket.create_server(("127.0.0.1", 0)) as s:
        assert first <= s.getsockname()[1] <= last


def test_who_listens(packetboat, serve):
    server = serve("echo://127.0.0.1:0")
    found = ports(packetboat, server.port)["listening"]
    assert sorted((l["address"], l["port"], l["proto"], l["pid"]) for l in found if l["address"] == "127.0.0.1") == [
        ("127.0.0.1", server.port, proto, server.process.pid) for proto in ("tcp", "udp")]
    assert f"{server.process.pid}/packetboat" in packetboat("ports", server.port).stdout.decode()


def test_nobody_listens_any_more(packetboat):
    def listeners(number):
        return [l["pid"] for l in ports(packetboat, number)["listening"] if l["address"] == "127.0.3.1"]

    with socket.create_server(("127.0.3.1", 0)) as s:
        number = s.getsockname()[1]
        assert listeners(number) == [os.getpid()]
    assert listeners(number) == []


def test_a_name_that_is_not_registered(packetboat):
    done = packetboat("ports", "nosuchname")
    assert done.returncode == 3 and "'nosuchname'" in done.stderr and done.stdout == b""


@pytest.mark.parametrize("args, part", [(["65536"], "'65536'"), (["9-1"], "1-9"), (["1-65536"], "'1-65536'"),
                                        (["a", "b"], "'b'"), (["--nonsense"], "nonsense")])
def test_wrong_usage(packetboat, args, part):
    done = packetboat("ports", *args)
    assert done.returncode == 2 and part in done.stderr and done.stdout == b""


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_full_disk(packetboat, form):
    with open("/dev/full", "w") as full:
        done = packetboat("ports", *form, "0-65535", stdout=full)
    assert done.returncode == 1 and "cannot write to standard output" in done.stderr
