"""A router of IPv6, as small as can be: it advertises what it is told to, when asked and every second (RFC 4861 §6.2)."""

import socket
import struct
import threading
from contextlib import contextmanager

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
PREFIX, MTU, RDNSS = 3, 5, 25  # options
ON_LINK, AUTONOMOUS = 0x80, 0x40
HOP_LIMIT, ALL_NODES, ALL_ROUTERS = 255, "ff02::1", "ff02::2"


def advertisement(prefix, lifetime=1800, mtu=None, server=None):
    """The message (RFC 4861 §4.2) for a prefix of 64 bits; the kernel fills in the checksum."""
    message = struct.pack(">BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, 0, lifetime, 0, 0)
    message += struct.pack(">BBBBIII16s", PREFIX, 4, 64, ON_LINK | AUTONOMOUS, 3600, 1800, 0,
                           socket.inet_pton(socket.AF_INET6, prefix))
    if mtu:
        message += struct.pack(">BBHI", MTU, 1, 0, mtu)
    if server:
        message += struct.pack(">BBHI16s", RDNSS, 3, 0, lifetime, socket.inet_pton(socket.AF_INET6, server))
    return message


@contextmanager
def advertising(device, prefix, **options):
    """Meanwhile; the device needs a link-local address that it may use."""
    index, message, over = socket.if_nametoindex(device), advertisement(prefix, **options), threading.Event()
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                     socket.inet_pton(socket.AF_INET6, ALL_ROUTERS) + struct.pack("@I", index))
        s.settimeout(1)

        def advertise():
            while not over.is_set():
                try:
                    s.sendto(message, (ALL_NODES, 0, 0, index))
                    while s.recv(2048)[0] != ROUTER_SOLICITATION and not over.is_set():
                        pass
                except OSError:
                    over.wait(0.1)  # a second was over, or the device is not up yet

        thread = threading.Thread(target=advertise)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
