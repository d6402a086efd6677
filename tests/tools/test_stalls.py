"""tests/stalls.py: who fails while the machine stands still is heard again, and nobody else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
FAILS_AT_FIRST = """
import os, pathlib, signal, subprocess

def test_it(tmp_path_factory):
    been = pathlib.Path("been")
    first = not been.exists()
    been.touch()
    if first and {stopped}:
        with subprocess.Popen(["sh", "-c", f"sleep 0.7; kill -CONT {{os.getpid()}}"]):
            os.kill(os.getpid(), signal.SIGSTOP)
    assert not first
"""


@pytest.mark.parametrize("stopped, status", [(True, 0), (False, 1)])
def test_a_failure(tmp_path, stopped, status):
    (tmp_path / "test_it.py").write_text(FAILS_AT_FIRST.format(stopped=stopped))
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "stalls", "-p", "no:cacheprovider", "test_it.py"],
                          cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(TESTS)}, text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == status, done.stdout
    assert ("once again" in done.stdout) == stopped
