"""serve itself: addresses and conflicts, mistyped services, workers that crash, and what runs out."""

import fcntl
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from talk import PATIENCE, Answer, ask, call, exchange, free_port, refused_or_reset, request


# Addresses -----------------------------------------------------------------------------------------------------------


def test_two_services_on_one_port_at_two_addresses(serve, site):
    port = serve(f"http://127.0.0.1:0,root={site}").port
    serve(f"echo://127.0.0.2:{port},only=tcp")
    assert ask(port, "/small.txt").status == 200
    assert exchange(port, b"ping", "127.0.0.2") == b"ping"


def test_one_server_has_many_services(serve, site):
    ports = serve(f"http://127.0.0.1:0,root={site}", "echo://127.0.0.1:0", "daytime://127.0.0.1:0,only=udp").ports
    assert sorted(ports) == ["daytime/udp", "echo/tcp", "echo/udp", "http/tcp"]
    assert ports["echo/tcp"] == ports["echo/udp"]
    assert ask(ports["http/tcp"], "/").status == 200 and exchange(ports["echo/tcp"], b"a") == b"a"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_conflict_names_the_holder(serve, packetboat, protocol):
    holder = serve(f"echo://127.0.0.1:0,only={protocol}")
    second = packetboat("serve", f"discard://127.0.0.1:{holder.port},only={protocol}")
    assert second.returncode == 9 and "listening" not in second.stderr
    for part in [f"127.0.0.1:{holder.port}/{protocol}", "already in use by packetboat", f"(pid {holder.process.pid})"]:
        assert part in second.stderr


def test_a_conflict_with_a_stranger(packetboat):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        second = packetboat("serve", "echo://127.0.0.1:%d,only=tcp" % holder.getsockname()[1])
    name = Path("/proc/self/comm").read_text().strip()
    assert second.returncode == 9 and f"already in use by {name} (pid {os.getpid()})" in second.stderr


@pytest.mark.parametrize("second", ["http://127.0.0.1", "http://"])
def test_a_conflict_with_another_service_of_the_same_server(packetboat, second):
    port = free_port()
    wrong = packetboat("serve", f"echo://127.0.0.1:{port}", f"{second}:{port}")
    assert wrong.returncode == 9 and f"already in use by 'echo://127.0.0.1:{port}'" in wrong.stderr
    assert "pid" not in wrong.stderr


def test_an_address_of_another_host(packetboat):
    wrong = packetboat("serve", "echo://192.0.2.1:0")  # RFC 5737: nobody's
    assert wrong.returncode == 9 and "192.0.2.1" in wrong.stderr and "does not have that address" in wrong.stderr


# Mistakes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec, part", [
    ("htp://:80", "'htp'"), ("echo:80", "KIND://"), ("://:80", "KIND://"), ("echo://", "no port"),
    ("echo://:x", "'x'"), ("echo://:65536", "'65536'"), ("echo://:-1", "'-1'"), ("echo://1.2.3:7", "'1.2.3'"),
    ("echo://::1:7", "[::1]"), ("echo://[::1:7", "'[::1:7'"), ("echo://[1.2.3.4]:7", "'1.2.3.4'"),
    ("http://:0,rot=.", "'rot'"), ("http://:0,root=/none/such", "root=/none/such"), ("http://:0,root=", "root="),
    ("http://:0,listing=maybe", "listing=maybe"), ("http://:0,deferred=1", "deferred=1"),
    ("http://:0,idle=x", "idle=x"), ("http://:0,idle=1h1", "idle=1h1"),
    ("http://:0,header-max=1", "header-max=1"), ("http://:0,cache=1t", "cache=1t"), ("echo://:0,conns=0", "conns=0"),
    ("echo://:0,conns-per-client=many", "conns-per-client=many"), ("echo://:0,allow=1.2.3.4/99", "1.2.3.4/99"),
    ("echo://:0,md5key=/none/such", "/none/such"), ("echo://:0,md5key=/dev/null", "empty"),
    ("echo://:0,aokey=/none/such", "/none/such"), ("echo://:0,aokey=/dev/null", "'7 correct horse'"),
    ("echo://:0,aokey=/dev/null,md5key=/dev/null", "one way or the other"),
    ("echo://:0,md5key=/dev/zero", "80 bytes"), ("echo://:0,only=udp,md5key=/dev/zero", "only TCP is signed"),
    ("echo://:0,deny=nobody", "nobody"), ("http://:0,only=udp", "only=udp"), ("echo://:0,7", "'7'"),
])
def test_a_wrong_service_is_named_and_so_is_the_part(packetboat, spec, part):
    wrong = packetboat("serve", spec)
    assert wrong.returncode == 2 and wrong.stdout == b""
    assert wrong.stderr.startswith("packetboat serve: ") and spec in wrong.stderr
    assert part in wrong.stderr.replace(f"'{spec}'", "", 1)


def test_nothing_listens_when_one_of_two_is_wrong(packetboat):
    wrong = packetboat("serve", "echo://127.0.0.1:0", "echo://127.0.0.1:no")
    assert wrong.returncode == 2 and "listening" not in wrong.stderr


@pytest.mark.parametrize("args, part", [(["--workers", "0"], "--workers"), (["--workers", "x"], "--workers"),
                                        (["--log", "xml"], "'xml'"), (["--grace", "-1"], "--grace"),
                                        (["--nonsense"], "nonsense"), ([], "SERVICE")])
def test_wrong_options(packetboat, args, part):
    wrong = packetboat("serve", *args, *(["echo://127.0.0.1:0"] if args else []))
    assert wrong.returncode == 2 and part in wrong.stderr


# Workers -------------------------------------------------------------------------------------------------------------


def test_the_lines_of_several_workers_stay_whole(serve, site):
    """Into a pipe that is often full, where a write of many lines is not one piece (pipe(7))."""
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    port = free_port()
    server = serve("--workers", "4", "--log", "json", f"http://127.0.0.1:{port},root={site}", listening=False,
                   stderr=writes)
    os.close(writes)
    log = os.fdopen(reads)
    assert log.readline().startswith("listening on")

    def ask_much():
        for _ in range(4):
            with call(port) as s:
                s.sendall(request("/small.txt?" + "x" * 100) * 49 + request("/small.txt", "Connection: close"))
                while s.recv(65536):
                    pass

    callers = [threading.Thread(target=ask_much) for _ in range(8)]
    for caller in callers:
        caller.start()
    threading.Thread(target=lambda: ([c.join() for c in callers], server.term())).start()
    events = []
    for line in log:
        events.append(json.loads(line)["event"])
        time.sleep(0.0005)
    assert events.count("request") == 8 * 4 * 50 and events.count("close") == 8 * 4


def test_workers_are_killed_and_no_call_is_refused(serve, site):
    server = serve("--workers", "2", f"http://127.0.0.1:0,root={site}")
    answered = 0
    for i in range(5):
        before = server.workers(2)
        os.kill(min(before), signal.SIGKILL)
        for _ in range(30):
            # Only a call that the dying worker had taken may be cut; every later one is taken by the other.
            with call(server.port) as s:
                try:
                    s.sendall(request("/small.txt", "Connection: close"))
                    with s.makefile("rb") as stream:
                        answered += Answer(stream).status == 200
                except ConnectionResetError:
                    pass
        server.wait_for(rf"worker \d+ \(pid {min(before)}\) was killed by signal 9 .*starting another")
        assert min(before) not in server.workers(2)
        assert answered >= 30 * (i + 1) - (i + 1)


def test_sigterm_ends_all_workers(serve):
    server = serve("--workers", "3", "echo://127.0.0.1:0")
    workers = server.workers(3)
    server.term()
    assert server.wait() == 0
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_a_crashed_workers_connections_count_no_more(serve):
    server = serve("--workers", "1", "echo://127.0.0.1:0,conns=2,only=tcp")
    for _ in range(2):
        with call(server.port) as one, call(server.port) as two:
            for s in [one, two]:
                s.sendall(b"x")
                assert s.recv(1) == b"x"
            assert refused_or_reset(server.port)
            worker = server.workers(1).pop()
            os.kill(worker, signal.SIGKILL)
        server.wait_for(rf"\(pid {worker}\) was killed by signal 9")


def test_workers_end_with_a_supervisor_that_is_killed(serve):
    server = serve("--workers", "2", "echo://127.0.0.1:0", listening=True)
    workers = server.workers(2)
    supervisor = server.process
    supervisor.kill()
    supervisor.wait()
    deadline = time.monotonic() + PATIENCE
    while [pid for pid in workers if is_running(pid)]:
        assert time.monotonic() < deadline, "workers without a supervisor"
        time.sleep(0.01)
    supervisor.returncode = 0  # this end was wanted


def is_running(pid):
    """A zombie that nobody has waited for yet is not."""
    try:
        return re.search(r"\) (\w)", Path(f"/proc/{pid}/stat").read_text()).group(1) not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


# What runs out -------------------------------------------------------------------------------------------------------


DESCRIPTORS = 40


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def test_descriptors_run_out(serve):
    server = serve("echo://127.0.0.1:0,only=tcp", preexec_fn=few_descriptors)
    callers = [call(server.port) for _ in range(60)]  # the backlog takes those that cannot be accepted
    try:
        said = server.wait_for("cannot accept on .*: Too many open files; callers wait")
        time.sleep(0.5)
        assert len(server.wait_for("cannot accept on")) == len(said), "said again and again"
        callers[0].sendall(b"still served")
        assert callers[0].recv(100) == b"still served"
        for s in callers[:50]:
            s.close()
        callers[-1].sendall(b"served at last")  # those who waited have their turn
        assert callers[-1].recv(100) == b"served at last"
    finally:
        for s in callers:
            s.close()
    assert exchange(server.port, b"and all others") == b"and all others"


def fill(server, stack, port, left):
    """Hold callers until the server has so many descriptors left."""
    while (free := DESCRIPTORS - server.descriptors()) > left:
        s = stack.enter_context(call(port))
        s.sendall(b"?")
        assert s.recv(1) == b"?"
        assert DESCRIPTORS - server.descriptors() < free


def wait_for_descriptors(server, left):
    deadline = time.monotonic() + PATIENCE
    while DESCRIPTORS - server.descriptors() < left:
        assert time.monotonic() < deadline, "descriptors are not given back"
        time.sleep(0.01)


def test_no_descriptor_for_a_file(serve, site):
    server = serve("echo://127.0.0.1:0,only=tcp", f"http://127.0.0.1:0,root={site}", preexec_fn=few_descriptors)
    http = server.ports["http/tcp"]
    with ExitStack() as stack:
        fill(server, stack, server.ports["echo/tcp"], 1)
        assert ask(http, "/medium.bin").status == 503
        server.wait_for("cannot serve /medium.bin: Too many open files")
    wait_for_descriptors(server, 3)
    assert ask(http, "/medium.bin").status == 200


def test_no_descriptor_for_a_relay(serve):
    behind = serve("echo://127.0.0.1:0,only=tcp")
    server = serve("echo://127.0.0.1:0,only=tcp", f"relay://127.0.0.1:0,only=tcp,to=127.0.0.1:{behind.port}",
                   preexec_fn=few_descriptors)
    relay = server.ports["relay/tcp"]
    with ExitStack() as stack:
        fill(server, stack, server.ports["echo/tcp"], 1)
        assert refused_or_reset(relay)
        server.wait_for("upstream.*: Too many open files")
    wait_for_descriptors(server, 3)
    assert exchange(relay, b"as before") == b"as before"


def port_of(process):
    """The TCP port that a process listens on, from what the kernel says: its log may have gone nowhere."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        links = []
        for fd in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                links.append(os.readlink(fd))
            except FileNotFoundError:
                pass  # closed since
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, = fields = line.split()
            if state == "0A" and f"socket:[{fields[9]}]" in links:
                return int(local.split(":")[1], 16)
        assert process.poll() is None, f"the server ended with {process.returncode}"
        time.sleep(0.01)
    raise AssertionError("the server does not listen")


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]])
def test_a_full_disk_under_the_log(serve, site, workers):
    with open("/dev/full", "w") as full:
        server = serve(*workers, f"http://127.0.0.1:0,root={site}", listening=False, stderr=full)
    port = port_of(server.process)
    for _ in range(50):
        assert ask(port, "/small.txt").status == 200
    server.term()
    assert server.wait() == 0


def test_a_log_that_nobody_reads_any_more(serve, site):
    reader, writer = os.pipe()
    server = serve(f"http://127.0.0.1:0,root={site}", listening=False, stderr=writer)
    os.close(writer)
    port = port_of(server.process)
    os.close(reader)
    for _ in range(50):
        assert ask(port, "/small.txt").status == 200
    server.term()
    assert server.wait() == 0


def test_nobody_reads_the_log(serve, site):
    """Lines are lost then, and said to be; the server goes on."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 16384)
    server = serve(f"http://127.0.0.1:0,root={site}", listening=False, stderr=writer)
    os.close(writer)
    port = port_of(server.process)
    for _ in range(200):
        assert ask(port, "/small.txt").status == 200
    log = os.read(reader, 1 << 20).decode()
    assert ask(port, "/small.txt").status == 200
    server.term()
    assert server.wait() == 0
    with open(reader) as rest:
        log += rest.read()
    lost = re.findall(r"(\d+) lines of this log could not be written: nobody reads it", log)
    written = re.findall(r' open #| close #|"GET"', log)
    assert lost and len(written) + sum(map(int, lost)) == 3 * 201
    assert '"GET"' in log[log.index("could not be written"):]


def test_no_standard_error_at_all(serve, site):
    server = serve(f"http://127.0.0.1:0,root={site}", listening=False, preexec_fn=lambda: os.close(2))
    port = port_of(server.process)
    for _ in range(50):
        answer = ask(port, "/small.txt")
        assert answer.status == 200 and b"listening" not in answer.body
    server.term()
    assert server.wait() == 0


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_when_nobody_calls(serve, sig):
    server = serve("echo://127.0.0.1:0", "daytime://127.0.0.1:0")
    server.process.send_signal(sig)
    assert server.wait() == 0
