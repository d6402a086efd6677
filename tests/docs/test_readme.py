"""The README's tour works when pasted: each line runs in one bash, in a directory of its own, and succeeds."""

import os
import re
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("PACKETBOAT", ROOT / "build" / "packetboat")).resolve()
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


def apart():
    """What runs a command in a network of its own, as the tour's ports may be somebody's; nothing, where none can be made."""
    command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    try:
        works = subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, timeout=20).returncode == 0
    except OSError:
        works = False
    return command if works else []


def test_tour(tmp_path):
    env = dict(os.environ, PATH=f"{PROGRAM.parent}:{os.environ['PATH']}")
    # In a session of its own, so that a tour that does not end leaves no server behind, either.
    bash = subprocess.Popen([*apart(), "bash", "-c", PROLOGUE + tour()], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        said, _ = bash.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(bash.pid, signal.SIGKILL)
        said, _ = bash.communicate()
    assert bash.returncode == 0, said


def test_links_lead_somewhere():
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"
