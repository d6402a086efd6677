"""What tshark, with every check switched on, finds to say of a capture."""

import subprocess
from collections import Counter

from talk import need

CHECKED = ("ip", "tcp", "udp")
SEVERITY_NOTE = 0x400000  # epan/proto.h of Wireshark: chat is below; warnings and errors are above
FIELDS = ("frame.number", "ip.src", "_ws.expert.message", "_ws.expert.severity")


def remarks(path):
    """How many frames there are; notes, warnings and errors with the sender, and how often each occurs.

    A malformed packet is such an error, and a bad checksum is one.
    """
    found = subprocess.run(
        [need("tshark"), "-r", path, "-T", "fields", "-E", "aggregator=|",
         *(arg for name in CHECKED for arg in ("-o", f"{name}.check_checksum:TRUE")),
         *(arg for name in FIELDS for arg in ("-e", name))],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout.splitlines()
    counts = Counter()
    for line in found:
        _, source, messages, severities = line.split("\t")
        if messages:
            counts.update((source.partition("|")[0], message.partition(" (#")[0]) for message, severity in zip(messages.split("|"), severities.split("|"))
                          if int(severity) >= SEVERITY_NOTE)
    return len(found), counts


def fields(path, wanted, *names):
    """The fields of the frames that are wanted (a display filter), a tuple for each."""
    found = subprocess.run(
        [need("tshark"), "-r", path, "-Y", wanted, "-T", "fields", *(arg for name in names for arg in ("-e", name))],
        check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120).stdout.splitlines()
    return [tuple(line.split("\t")) for line in found]
