"""Fixtures of the tests of our stack with the kernel as its peer: a namespace, and a stack on a device of its own."""

import os
from pathlib import Path

import pytest
from namespace import Namespace, run, settle

OURS, KERNELS = "10.9.0.2", "10.9.0.1"
FULL = bool(os.environ.get("PACKETBOAT_INTEROP_FULL"))  # sizes that take minutes


@pytest.fixture(autouse=True)
def namespace():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        pytest.skip("/dev/net/tun is not there, or not for us")
    entered = Namespace()
    try:
        entered.__enter__()
    except OSError as error:
        pytest.skip(f"no network namespace of our own: {error.strerror}")
    yield entered
    entered.__exit__()


def net_spec(kind="tap", name="pb0", addr=f"{OURS}/24", **more):
    return ",".join([f"{kind}:{name}", f"addr={addr}", *(f"{key}={value}" for key, value in more.items())])


@pytest.fixture
def stack(serve):
    """Start a server on a stack of ours, the kernel at the other end of its device."""

    def start(*services, args=(), host=f"{KERNELS}/24", name="pb0", **spec):
        server = serve("--net", net_spec(host=host, name=name, **spec), *args, *services)
        settle(name)
        return server

    return start


@pytest.fixture
def on_stack(packetboat):
    """Run a client of ours on a stack of its own, the kernel at the other end of its device."""

    def call(command, *args, spec=None, **options):
        return packetboat(command, "--net", spec or net_spec(host=f"{KERNELS}/24"), *args, **options)

    return call


@pytest.fixture
def kernel_device():
    """Make a device before our program opens it, so that the kernel's servers can use its address: what to open."""

    def make(kind="tap", name="pb0", host=f"{KERNELS}/24", addr=f"{OURS}/24", mtu=None):
        run("ip", "tuntap", "add", "dev", name, "mode", kind, "vnet_hdr", "multi_queue")
        run("ip", "address", "add", host, "dev", name)
        if mtu:
            run("ip", "link", "set", name, "mtu", mtu)
        run("ip", "link", "set", name, "up")
        return net_spec(kind, name, addr)

    return make


@pytest.fixture
def capture(tmp_path):
    return Path(tmp_path / "frames.pcapng")
