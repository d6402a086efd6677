"""ssh by way of our `connect` as its ProxyCommand: standard input and output for minutes, and an end that is told."""

import os
import pwd
import subprocess
import time
from pathlib import Path

import pytest
from conftest import KERNELS
from namespace import run
from talk import PATIENCE, need

PORT = 2222
PROGRAM = os.environ.get("PACKETBOAT", str(Path(__file__).resolve().parents[2] / "build" / "packetboat"))

# dropbear reads who may log in from the home of the user: it gets one of its own, in a mount namespace.
WITH_A_HOME = """
set -e
home=$1 key=$2
shift 2
mount -t tmpfs tmpfs "$home"
mkdir -m 700 "$home/.ssh"
cp "$key" "$home/.ssh/authorized_keys"
chmod 700 "$home"
exec "$@"
"""


def key(path):
    run(need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", path)
    return path


def need_mounts():
    """A namespace for mounts of its own, which a chroot's root does not allow."""
    tried = subprocess.run([need("unshare"), "--mount", "true"], stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    if tried.returncode != 0:
        pytest.skip(f"no mounts of our own: {tried.stderr.strip()}")


@pytest.fixture
def ssh_server(kernel_device, tmp_path):
    """An SSH server at the kernel's end of the device: what to open, and the key that it takes."""
    need_mounts()
    dropbear, host_key, mine = need("dropbear"), tmp_path / "host", key(tmp_path / "mine")
    run(need("dropbearkey"), "-t", "ed25519", "-f", host_key, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spec = kernel_device()
    with (tmp_path / "dropbear.log").open("w") as log:
        server = subprocess.Popen(
            [need("unshare"), "--mount", "sh", "-c", WITH_A_HOME, "sh", pwd.getpwuid(os.getuid()).pw_dir,
             f"{mine}.pub", dropbear, "-F", "-E", "-s", "-r", host_key, "-p", f"{KERNELS}:{PORT}",
             "-P", tmp_path / "dropbear.pid"], stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while f":{PORT}" not in run("ss", "-tlnH", stdout=subprocess.PIPE).stdout:
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "dropbear.log").read_text()
            time.sleep(0.01)
        yield spec, mine
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def ssh(ssh_server, tmp_path):
    spec, mine = ssh_server

    def call(command, **options):
        return subprocess.run(
            [need("ssh"), "-F", "none", "-i", mine, "-p", str(PORT), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
             "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path / 'known'}",
             "-o", f"ProxyCommand={PROGRAM} connect --net {spec} %h %p", f"{pwd.getpwuid(os.getuid()).pw_name}@{KERNELS}",
             command], capture_output=True, timeout=60, **options)

    return call


def test_a_command_and_its_status(ssh):
    done = ssh("echo hello; exit 7")
    assert (done.returncode, done.stdout) == (7, b"hello\n"), done.stderr


def test_much_both_ways(ssh, big):
    done = ssh("cat", input=big)
    assert done.returncode == 0, done.stderr
    assert done.stdout == big
