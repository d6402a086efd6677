#!/usr/bin/python3
"""Which queue of a multi-queue TAP gets the kernel's answer to what another queue has sent: tap_queues.py [QUEUES]

The reason for which a stack of ours has one process (docs/ARCHITECTURE.md). Frames are written by hand, so what is seen
is the kernel's doing alone. Needs root: it runs in a network namespace of its own.
"""

import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import time

DEVICE = b"queues0"
OURS, KERNELS = socket.inet_aton("10.9.0.2"), socket.inet_aton("10.9.0.1")
MAC = bytes.fromhex("020000000002")
TUNSETIFF, IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI = 0x400454CA, 0x0002, 0x0100, 0x1000  # <linux/if_tun.h>
SIOCGIFHWADDR = 0x8927
SYN, SYN_ACK = 0x02, 0x12
CALLS = 200


def open_queue():
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", DEVICE, IFF_TAP | IFF_MULTI_QUEUE | IFF_NO_PI))
    return fd


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return struct.pack(">H", ~total & 0xFFFF)


def arp_request():
    return b"\xff" * 6 + MAC + struct.pack(">HHHBBH6s4s6s4s", 0x0806, 1, 0x0800, 6, 4, 1, MAC, OURS, bytes(6), KERNELS)


def segment(to, source, destination, seq, ack, flags):
    tcp = struct.pack(">HHIIBBHHH", source, destination, seq, ack, 0x50, flags, 65535, 0, 0)
    pseudo = OURS + KERNELS + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + checksum(pseudo + tcp) + tcp[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, socket.IPPROTO_TCP, 0, OURS, KERNELS)
    return to + MAC + b"\x08\x00" + ip[:10] + checksum(ip) + ip[12:] + tcp


def is_arp_reply(frame):
    return frame[12:14] == b"\x08\x06" and frame[21] == 2


def is_segment(source, destination):
    ports = struct.pack(">HH", source, destination)
    return lambda frame: frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP and frame[34:38] == ports


def hear(queues, wanted):
    """The queue on which a wanted frame comes, and the frame."""
    end = time.monotonic() + 1
    while (left := end - time.monotonic()) > 0:
        for fd in select.select(queues, [], [], left)[0]:
            frame = os.read(fd, 2048)
            if wanted(frame):
                return queues.index(fd), frame
    raise SystemExit("tap_queues: the kernel does not answer")


def ask_for_address(queues):
    """How many answers come to the queue that has asked."""
    right = 0
    for n in range(CALLS):
        asker = n % len(queues)
        os.write(queues[asker], arp_request())
        right += hear(queues, is_arp_reply)[0] == asker
    return right


def call_kernel(queues, mac):
    """How many of our calls are answered on the queue that has called."""
    right = 0
    with socket.create_server(("10.9.0.1", 80), backlog=4096):
        for n in range(CALLS):
            caller, port = n % len(queues), 50000 + n
            os.write(queues[caller], segment(mac, port, 80, 1, 0, SYN))
            right += hear(queues, is_segment(80, port))[0] == caller
    return right


def be_called(queues, mac):
    """How many of the kernel's calls stay on the queue to which they came."""
    same = 0
    for n in range(CALLS):
        with socket.socket() as s:
            s.setblocking(False)
            s.connect_ex(("10.9.0.2", 7))
            port = s.getsockname()[1]
            queue, frame = hear(queues, is_segment(port, 7))
            seq, = struct.unpack(">I", frame[38:42])
            os.write(queues[queue], segment(mac, 7, port, 1, seq + 1 & 0xFFFFFFFF, SYN_ACK))
            same += hear(queues, is_segment(port, 7))[0] == queue
    return same


def main():
    if os.environ.get("TAP_QUEUES_INSIDE") is None:
        os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv], {**os.environ, "TAP_QUEUES_INSIDE": "yes"})
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    queues = [open_queue() for _ in range(count)]
    for command in ("address add 10.9.0.1/24 dev", "link set up dev"):
        subprocess.run(["ip", *command.split(), DEVICE.decode()], check=True)
    with socket.socket() as s:
        mac = fcntl.ioctl(s, SIOCGIFHWADDR, struct.pack("256s", DEVICE))[18:24]
    print(f"{count} queues, {CALLS} times each:")
    print(f"  the answer to an ARP request comes to the queue that asked: {ask_for_address(queues)}")
    print(f"  the answer to our SYN comes to the queue that called: {call_kernel(queues, mac)}")
    print(f"  the kernel's call stays on the queue to which its SYN came: {be_called(queues, mac)}")


if __name__ == "__main__":
    main()
