"""tools/check-includes: what it lets pass and what it finds."""

import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check-includes"


def check(root, files):
    for name, included in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"#include {i}\n" for i in included))
    run = subprocess.run([TOOL, root], capture_output=True, text=True)
    assert run.stderr == ""
    assert run.returncode == (1 if run.stdout else 0)
    return run.stdout


def test_downward_is_fine(tmp_path):
    assert check(tmp_path, {
        "include/packetboat/net.h": ["<stdint.h>", "<sys/socket.h>"],
        "src/base/list.h": ["<packetboat/net.h>", "<stddef.h>"],
        "src/loop/loop.c": ['"base/list.h"', "<sys/epoll.h>"],
        "src/cli/main.c": ['"base/list.h"', "<jansson.h>"],
    }) == ""


def test_the_tree_itself_is_fine():
    run = subprocess.run([TOOL], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("files, finding", [
    ({"src/service/a.h": [], "src/base/b.c": ['"service/a.h"']}, "base/b.c includes service/a.h: base is below service"),
    ({"src/cli/a.h": [], "include/packetboat/b.h": ['"cli/a.h"']}, "a public header includes a private one"),
    ({"src/socket/a.c": ["<jansson.h>"]}, "the library needs nothing but libc"),
    ({"include/packetboat/a.h": ["<openssl/ssl.h>"]}, "the library needs nothing but libc"),
    ({"src/misc/a.c": []}, ""),
    ({"src/misc/a.c": ["<stdio.h>"]}, "src/misc is not among the layers"),
    ({"src/base/a.h": ['"base/b.h"'], "src/base/b.h": ['"base/a.h"']}, "a cycle: base/a.h -> base/b.h -> base/a.h"),
])
def test_findings(tmp_path, files, finding):
    assert finding in check(tmp_path, files)
