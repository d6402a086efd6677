#!/usr/bin/python3
"""Sum up test results: count-results.py RESULT...

A RESULT is a build directory in which `meson test` ran, a JUnit file (*.xml) or a TAP file (*.tap). Where a test
reports its own parts, by TAP or by pytest's JUnit file, the parts are counted and not the whole. A part that passed
after a line "# SKIP NAME: REASON" was skipped (tests/skip.h). A whole that failed without a failed part (it crashed, it
ran out of time), and results that are not there, count as one failure.

What failed and what was skipped is named, with the reason of the skip. The last line is "N passed, N failed", then
", N skipped" where some were; the exit status is 0 when something passed and nothing failed.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TAP = re.compile(r"^(not )?ok\b[ \t]*\d*[ \t]*(?:- )?(.*?)[ \t]*(?:# *(skip|todo)\b[ \t]*(.*))?$", re.I | re.M)
SKIP = re.compile(r"^# SKIP (\S+): (.*)$", re.M)
JUNIT = re.compile(r"--junitxml=(\S+)")


class Tally:
    """Results so far: names of what passed and failed, (name, reason) of what was skipped."""

    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __bool__(self):
        return bool(self.passed or self.failed or self.skipped)


def read_tap(text, prefix):
    tally = Tally()
    reasons = dict(SKIP.findall(text))
    for bad, name, directive, reason in TAP.findall(text):
        if directive.lower() == "skip":
            tally.skipped.append((prefix + name, reason or "no reason given"))
        elif name in reasons and not bad:
            tally.skipped.append((prefix + name, reasons[name]))
        elif bad and not directive:
            tally.failed.append(prefix + name)
        else:
            tally.passed.append(prefix + name)
    return tally


def read_junit(path, prefix):
    tally = Tally()
    for case in ElementTree.parse(path).iter("testcase"):
        name = prefix + "::".join(filter(None, [case.get("classname"), case.get("name")]))
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failed.append(name)
        elif skipped is not None:
            tally.skipped.append((name, skipped.get("message") or "no reason given"))
        else:
            tally.passed.append(name)
    return tally


def read_meson_test(test, prefix):
    """One line of Meson's testlog.json: a test program."""
    name = prefix + test["name"]
    junit = JUNIT.search(" ".join(test["command"]))
    tally = Tally()
    if junit and Path(junit[1]).exists():
        tally = read_junit(junit[1], prefix)
    elif not junit:
        tally = read_tap(test.get("stdout", ""), name + ": ")
    result = test["result"]
    if result in ("OK", "EXPECTEDFAIL"):
        if not tally:
            tally.passed.append(name)
    elif result == "SKIP":
        if not tally:
            output = (test.get("stdout", "") + test.get("stderr", "")).strip().splitlines()
            tally.skipped.append((name, output[-1] if output else "no reason given"))
    elif not tally.failed:
        tally.failed.append(f"{name} ({result.lower()})")
    return tally


def read_meson(directory):
    tally = Tally()
    with open(directory / "meson-logs" / "testlog.json", encoding="utf-8", errors="replace") as log:
        for line in log:
            tally.add(read_meson_test(json.loads(line), f"{directory}: "))
    return tally


def read(result):
    path = Path(result)
    try:
        if path.suffix == ".xml":
            tally = read_junit(path, "")
        elif path.suffix == ".tap":
            tally = read_tap(path.read_text(encoding="utf-8", errors="replace"), "")
        else:
            tally = read_meson(path)
    except (OSError, ValueError, ElementTree.ParseError) as error:
        tally = Tally()
        tally.failed.append(f"{result}: cannot read its results: {error}")
    return tally


def main():
    total = Tally()
    for result in sys.argv[1:]:
        total.add(read(result))
    for name, reason in total.skipped:
        print(f"skipped: {name}: {reason}")
    for name in total.failed:
        print(f"FAILED: {name}")
    line = f"{len(total.passed)} passed, {len(total.failed)} failed"
    if total.skipped:
        line += f", {len(total.skipped)} skipped"
    print(line)
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())
