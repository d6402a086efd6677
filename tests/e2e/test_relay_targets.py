"""The relay where names and addresses come into play: one that would call itself, a name with several addresses."""

import re
import socket

import pytest
from talk import PATIENCE, call, free_port

SELVES = ["relay://127.0.0.1:{port},to=127.0.0.1:{port},only=%s", "relay://127.0.0.1:{port},to=0.0.0.0:{port},only=%s",
          "relay://0.0.0.0:{port},to=127.0.0.2:{port},only=%s", "relay://0.0.0.0:{port},to=localhost:{port},only=%s"]


@pytest.mark.parametrize("spec", SELVES)
def test_a_relay_does_not_connect_to_itself(serve, spec):
    server = serve((spec % "tcp").format(port=free_port()))
    with pytest.raises(ConnectionResetError), call(server.port) as s:
        s.recv(1)
    server.wait_for(r"upstream .*this relay itself")
    assert len(re.findall(r"\bopen #", server.log)) == 1


@pytest.mark.parametrize("spec", SELVES)
def test_a_relay_sends_itself_no_datagrams(serve, spec):
    server = serve((spec % "udp").format(port=free_port(socket.SOCK_DGRAM)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"round and round", ("127.0.0.1", server.port))
        server.wait_for(r"upstream: .*this relay itself")
    assert len(re.findall(r" relay #\d+ 127\.0\.0\.1:\d+/udp: ", server.log)) == 1


def test_datagrams_go_to_the_address_that_has_somebody(serve):
    """localhost has ::1, too, where nobody listens: what was sent there is sent once more, and so is what follows."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        upstream.settimeout(PATIENCE)
        caller.settimeout(PATIENCE)
        upstream.bind(("127.0.0.1", 0))
        server = serve("relay://127.0.0.1:0,to=localhost:%d,only=udp" % upstream.getsockname()[1])
        caller.connect(("127.0.0.1", server.port))
        for text in (b"first", b"second"):
            caller.send(text)
            got, relay = upstream.recvfrom(100)
            assert got == text
            upstream.sendto(b"answer to " + text, relay)
            assert caller.recv(100) == b"answer to " + text
