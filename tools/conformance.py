#!/usr/bin/python3
"""What the RFCs ask for, the script that shows it, and how it goes: conformance.py [--check]

Reads the comments at the head of tests/conformance/rfcNNNN/*.pkt, "// RFC 9293 MUST-36, SHLD-29: what is asked for.",
and tests/conformance/rfc9293/elsewhere.txt, which tells where a requirement is met that no script can show; plays the
scripts with build/packetboat (or $PACKETBOAT) in each version of IP; and writes docs/CONFORMANCE.md. With --check it
only says whether that is current. It fails when a script fails, or when a requirement of RFC 9293 is missing.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "tests" / "conformance"
DOCUMENT = ROOT / "docs" / "CONFORMANCE.md"
PROGRAM = os.environ.get("PACKETBOAT", str(ROOT / "build" / "packetboat"))
VERSIONS = {"ipv4": "IPv4", "ipv6": "IPv6", "ipv4-mapped-ipv6": "mapped"}

# RFC 9293 appendix B numbers them so.
NUMBERED = [f"MUST-{n}" for n in range(1, 70)] + [f"SHLD-{n}" for n in range(1, 32)]

CLAIM = re.compile(r"RFC (\d+) ([^:]+): (.*)")

HEAD = """# Conformance

What the RFCs ask of TCP, and the script that shows it. Scripts are in packetdrill's language, written by us from the
RFCs, and played against our stack in virtual time: `./dev test conformance`, or `packetboat drill FILE.pkt` for one.
Each is played over IPv4, over IPv6, and on IPv6 sockets with IPv4-mapped addresses, unless it is about one of them, and
fails, too, when more is sent than it expects. `tools/conformance.py` makes this file from the scripts' first lines.
"""


def claims_of(path):
    """(RFC, requirements, what is asked for) of each claim in the comments that begin a script."""
    claims = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("//"):
            break
        text = line[2:].strip()
        claim = CLAIM.match(text)
        if claim:
            claims.append([int(claim[1]), claim[2], claim[3]])
        elif claims:
            claims[-1][2] += " " + text
    if not claims:
        sys.exit(f"{path}: its first line is not '// RFC NUMBER REQUIREMENT: what is asked for'")
    return claims


def play(scripts, version):
    """Which scripts pass."""
    run = subprocess.run([PROGRAM, "drill", "--strict", "--ip-version", version, *map(str, scripts)],
                         capture_output=True, text=True, check=False)
    results = re.findall(r"^(not )?ok \d+ - (.*)$", run.stdout, re.M)
    return {Path(name): not bad for bad, name in results}


def result_text(path, results):
    only = re.search(r"^--ip_version=(\S+)", path.read_text(encoding="utf-8"), re.M)
    versions = [only[1]] if only else list(VERSIONS)
    good = [VERSIONS[v] for v in versions if results[v].get(path)]
    bad = [VERSIONS[v] for v in versions if not results[v].get(path)]
    return "passes" + f" ({only and good[0]})" * bool(only) if not bad else "fails: " + ", ".join(bad)


def elsewhere():
    """(requirements, what, where) of what no script shows."""
    rows = []
    for line in (SCRIPTS / "rfc9293" / "elsewhere.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            rows.append([part.strip() for part in line.split("|")])
    return rows


def order(requirements):
    """Numbered ones first, in their order; then by section."""
    number = re.match(r"(MUST|SHLD|MAY|REC)-(\d+)", requirements)
    kinds = ["MUST", "SHLD", "MAY", "REC"]
    if number:
        return (0, kinds.index(number[1]), int(number[2]), requirements)
    return (1, 0, 0, requirements)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def section(rfc, claims, results):
    rows = []
    for requirements, text, path in sorted(claims, key=lambda claim: (order(claim[0]), claim[2])):
        link = f"[{path.stem}](../{path.relative_to(ROOT)})"
        rows.append([requirements, text, link, result_text(path, results)])
    return f"\n## RFC {rfc}\n\n" + table(["Requirement", "What is asked for", "Script", "Result"], rows)


def document():
    scripts = sorted(SCRIPTS.glob("*/*.pkt"))
    results = {version: play(scripts, version) for version in VERSIONS}
    by_rfc, seen = {}, []
    for path in scripts:
        for rfc, requirements, text in claims_of(path):
            by_rfc.setdefault(rfc, []).append((requirements, text, path))
            seen += re.findall(r"[A-Z]+-\d+", requirements) if rfc == 9293 else []
    rows = elsewhere()
    for row in rows:
        seen += re.findall(r"[A-Z]+-\d+", row[0])
    missing = [name for name in NUMBERED if name not in seen]
    if missing:
        sys.exit("no script and no line in elsewhere.txt tells of " + ", ".join(missing))
    text = HEAD + f"\n{len(scripts)} scripts.\n"
    for rfc in sorted(by_rfc, key=lambda number: (number != 9293, number)):
        text += section(rfc, by_rfc[rfc], results)
        if rfc == 9293:
            text += "\nWhat no script can show, or what is left out:\n\n"
            text += table(["Requirement", "What is asked for", "Where, or why not"], rows)
    return text, "| fails" not in text


def main():
    text, good = document()
    if sys.argv[1:] == ["--check"]:
        current = DOCUMENT.exists() and DOCUMENT.read_text(encoding="utf-8") == text
        if not current:
            print("docs/CONFORMANCE.md is not current: run tools/conformance.py")
        return 0 if good and current else 1
    DOCUMENT.write_text(text, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
