"""dnsmasq at the kernel's end of a device: it answers for names, and may give addresses and advertise itself."""

import subprocess
import time
from pathlib import Path

import pytest
from talk import PATIENCE, need


class Dnsmasq:
    def __init__(self, directory, *args, device="pb0"):
        self.path = Path(directory) / "dnsmasq.log"
        with self.path.open("w") as log:
            self.process = subprocess.Popen(
                [need("dnsmasq"), "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
                 "--pid-file=", f"--interface={device}", "--except-interface=lo", "--bind-dynamic", "--log-queries",
                 "--log-dhcp", f"--dhcp-leasefile={directory}/leases", "--local=/example/", *args], stderr=log)
        deadline = time.monotonic() + PATIENCE
        while "started" not in self.log:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.01)

    @property
    def log(self):
        return self.path.read_text()

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def dnsmasq(tmp_path):
    servers = []

    def start(*args, **options):
        servers.append(Dnsmasq(tmp_path, *args, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.end()
