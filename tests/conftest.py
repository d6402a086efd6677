"""Fixtures of the tests from outside: servers that must end well, commands, a site to serve.

PACKETBOAT names the program. What it says on standard error is shown with every failure.
"""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from talk import PATIENCE, free_port, need

pytest_plugins = ["stalls"]

PROGRAM = os.environ.get("PACKETBOAT", str(Path(__file__).resolve().parents[1] / "build" / "packetboat"))
LISTENING = r"^listening on (\S+):(\d+)/(tcp|udp) \((\w+)\)$"


def sockets_of(spec):
    """How many sockets a service at one address opens."""
    return 1 if spec.startswith("http:") or ",only=" in spec else 2


class Server:
    """A running `packetboat serve`. ports are by kind and protocol, as in ports["echo/udp"]."""

    def __init__(self, args, log_path, **popen):
        self.log_path = log_path
        with log_path.open("w") as log:
            self.process = subprocess.Popen([PROGRAM, "serve", *args], stdin=subprocess.DEVNULL,
                                            **{"stderr": log, **popen})
        self.sockets = sum(sockets_of(arg) for arg in args if "://" in arg)
        self.ports = {}

    def wait_until_listening(self):
        found = self.wait_for(LISTENING, self.sockets)
        self.ports = {f"{kind}/{proto}": int(port) for _, port, proto, kind in found}
        return self

    @property
    def port(self):
        """Of the only, or the last, service."""
        return list(self.ports.values())[-1]

    @property
    def log(self):
        return self.log_path.read_text()

    def wait_for(self, pattern, count=1):
        """Wait until the log has so many of these; gives them back as re.findall() does."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = re.findall(pattern, self.log, re.MULTILINE)
            if len(found) >= count:
                return found
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}"
            time.sleep(0.01)
        raise AssertionError(f"not {count} times {pattern!r} in the log")

    def workers(self, count):
        """The pids of its workers, once there are so many."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + PATIENCE
        while len(found := {int(child) for child in children.read_text().split()}) != count:
            assert time.monotonic() < deadline, f"{len(found)} workers, not {count}"
            time.sleep(0.005)
        return found

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def term(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        """Its exit status, once it ends."""
        return self.process.wait(PATIENCE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def serve(tmp_path, request):
    """Start a server; at the end of the test SIGTERM must end it with status 0, unless the test has ended it."""
    servers = []

    def start(*args, listening=True, **popen):
        servers.append(Server(args, tmp_path / f"serve-{len(servers)}.log", **popen))
        request.node.user_properties.append(("server", servers[-1]))
        return servers[-1].wait_until_listening() if listening else servers[-1]

    try:
        yield start
        for server in servers:
            if server.process.poll() is None:
                server.term()
            assert server.wait() == 0, f"the server did not end well:\n{server.log}"
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def packetboat(request):
    """Run a command to its end. Input and output are bytes, errors text."""

    def run(*args, input=b"", timeout=PATIENCE, stdout=subprocess.PIPE, **popen):
        done = subprocess.run([PROGRAM, *map(str, args)], input=input, stdout=stdout, stderr=subprocess.PIPE,
                              timeout=timeout, **popen)
        done.stderr = done.stderr.decode()
        request.node.user_properties.append(("command", done))
        return done

    return run


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    ran = [(kind, it) for kind, it in item.user_properties if kind in ("server", "command")]
    # These are for here only: a report's properties must be plain text.
    report.user_properties = [pair for pair in report.user_properties if pair not in ran]
    if report.failed:
        for kind, it in ran:
            if kind == "server":
                report.sections.append((f"standard error of serve, pid {it.process.pid}", it.log))
            else:
                report.sections.append((f"standard error of {it.args[1:]}, status {it.returncode}", it.stderr))


@pytest.fixture(scope="session")
def nobodys_name():
    """RFC 6761 6.4. Somebody must say that it is nobody's."""
    try:
        socket.getaddrinfo("nosuch.invalid", 80)
    except socket.gaierror as error:
        if error.errno != socket.EAI_NONAME:
            pytest.skip(f"no name server answers here: {error.strerror}")
    return "nosuch.invalid"


@pytest.fixture(scope="session")
def big():
    """10 MB that nothing compresses or repeats."""
    return os.urandom(10 << 20)


@pytest.fixture
def site(tmp_path, big):
    """A directory to serve, and a secret beside it that no request may reach."""
    root = tmp_path / "site"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "small.txt").write_bytes(b"0123456789abcdef" * 64)
    (root / "medium.bin").write_bytes(big[:100 << 10])
    (root / "big.bin").write_bytes(big)
    (root / "sub" / "index.html").write_text("<p>the index\n")
    (root / "sub" / "deep" / "leaf.css").write_text("p {}\n")
    for name in ["<b>&\"'.txt", "a space", "per%41cent", "umlaut-\u00e4", "a:colon", "new\nline"]:
        (root / name).write_text(name)
    (root / "inside").symlink_to("small.txt")
    (root / "outside").symlink_to("../secret")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("..")
    (tmp_path / "secret").write_text("the secret")
    return root


NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{ }}
http {{
	access_log off;
	client_body_temp_path tmp;
	proxy_temp_path tmp;
	fastcgi_temp_path tmp;
	uwsgi_temp_path tmp;
	scgi_temp_path tmp;
	server {{
		listen {address}:{port};
		root {root};
		autoindex on;
		if_modified_since before;
		disable_symlinks on from={root};
	}}
}}
"""


@pytest.fixture
def nginx_at(tmp_path, site):
    """Start an nginx that serves the same site at an address; gives its address and port."""
    processes = []

    def start(address):
        program = need("nginx")
        port = free_port()
        (tmp_path / "nginx.conf").write_text(NGINX.format(address=address, port=port, root=site))
        with (tmp_path / "nginx.log").open("w") as log:
            processes.append(subprocess.Popen([program, "-p", tmp_path, "-c", "nginx.conf"], stderr=log))
        deadline = time.monotonic() + PATIENCE
        while not listens(address, port):
            assert processes[-1].poll() is None and time.monotonic() < deadline, (tmp_path / "nginx.log").read_text()
            time.sleep(0.01)
        return address, port

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def nginx(nginx_at):
    """A running nginx that serves the same site: its address and port."""
    return nginx_at("127.0.2.1")  # an address that nobody else here uses: the port stays free until nginx has it


def listens(address, port):
    with socket.socket() as s:
        return s.connect_ex((address, port)) == 0
