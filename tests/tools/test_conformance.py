"""docs/CONFORMANCE.md says what the scripts say and how they go, and every requirement of RFC 9293 is accounted for."""

import subprocess
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "conformance.py"


def test_is_current():
    run = subprocess.run([TOOL, "--check"], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
