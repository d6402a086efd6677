"""The demo ends by itself, in time, on 80 columns, and leaves nothing behind."""

import glob
import os
import subprocess
import time
from pathlib import Path

PROGRAM = os.environ.get("PACKETBOAT", str(Path(__file__).resolve().parents[2] / "build" / "packetboat"))


def test_demo():
    before, start = set(glob.glob("/tmp/packetboat-demo-*")), time.monotonic()
    run = subprocess.run([PROGRAM, "demo"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert time.monotonic() - start < 15
    assert max(len(line) for line in run.stdout.splitlines()) <= 80
    said = " ".join(run.stdout.replace("|", " ").split())
    for word in ["ESTABLISHED", "TIME-WAIT", "CLOSE-WAIT", "FIN-WAIT-2", "already in use by packetboat (pid ",
                 "HTTP/1.1 200 OK", "hello over UDP", "kill -9"]:
        assert word in said, run.stdout
    assert set(glob.glob("/tmp/packetboat-demo-*")) == before
