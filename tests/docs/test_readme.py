"""The README's tour works when pasted: each line runs in one bash, in a directory of its own, and succeeds."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("PACKETBOAT", ROOT / "build" / "packetboat"))
TOUR = re.compile(r"^```bash tour\n(.*?)^```$", re.M | re.S)

# Stop at the first line that fails and name it; leave no server behind.
PROLOGUE = """
set -eE
trap 'echo "README line failed: $BASH_COMMAND" >&2' ERR
trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT
"""


def tour():
    blocks = TOUR.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert blocks, "the README has no ```bash tour block"
    return "".join(blocks)


def commands_there():
    run = subprocess.run([PROGRAM, "help"], capture_output=True, text=True, check=True)
    return set(re.findall(r"^  (\w+) ", run.stdout, re.M))


def test_tour(tmp_path):
    missing = set(re.findall(r"packetboat ([a-z]+)", tour())) - commands_there()
    if missing:
        pytest.skip("this build has no command " + ", ".join(sorted(missing)))
    env = dict(os.environ, PATH=f"{PROGRAM.parent}:{os.environ['PATH']}")
    run = subprocess.run(["bash", "-c", PROLOGUE + tour()], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr


def test_links_lead_somewhere():
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"
