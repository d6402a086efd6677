"""tools/count-results.py: no result is lost, and none counted twice."""

import json
import subprocess
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "count-results.py"


def count(*results):
    run = subprocess.run([TOOL, *results], capture_output=True, text=True)
    assert run.stderr == ""
    return run.returncode, run.stdout.splitlines()


def meson(root, *tests):
    (root / "meson-logs").mkdir()
    with open(root / "meson-logs" / "testlog.json", "w", encoding="utf-8") as log:
        for name, result, stdout, command in tests:
            log.write(json.dumps({"name": name, "result": result, "stdout": stdout, "command": command}) + "\n")
    return root


def test_parts_are_counted_instead_of_the_whole(tmp_path):
    junit = tmp_path / "e2e.xml"
    junit.write_text('<testsuites><testsuite><testcase classname="a" name="good"/>'
                     '<testcase classname="a" name="bad"><failure/></testcase>'
                     '<testcase classname="a" name="not"><skipped message="no IPv6 here"/></testcase>'
                     '</testsuite></testsuites>')
    status, lines = count(meson(
        tmp_path,
        ("unit / addr", "OK", "1..3\nok 1 - one\nok 2 - two\nok 3 - three # SKIP no root\n", ["addr"]),
        ("e2e / all", "FAIL", "", ["python3", "-m", "pytest", f"--junitxml={junit}"])))
    assert status == 1
    assert lines[-1] == "3 passed, 1 failed, 2 skipped"
    assert any("three: no root" in line for line in lines)
    assert any("no IPv6 here" in line for line in lines)
    assert any(line.startswith("FAILED") and line.endswith("a::bad") for line in lines)


def test_a_skip_of_cmocka_gives_its_reason(tmp_path):
    output = ("1..3\n# SKIP ipv6: this machine has no ::1\nok 1 - ipv6\nok 2 - ipv4\n"
              "# SKIP late: no room\nnot ok 3 - late\n")
    status, lines = count(meson(tmp_path, ("unit / owner", "FAIL", output, ["owner"])))
    assert status == 1  # what failed has not been skipped, whatever it says
    assert lines[-1] == "1 passed, 1 failed, 1 skipped"
    assert any(line.startswith("skipped") and line.endswith("ipv6: this machine has no ::1") for line in lines)


def test_a_crash_between_good_parts_is_a_failure(tmp_path):
    status, lines = count(meson(tmp_path, ("addr", "ERROR", "1..2\nok 1 - one\n", ["addr"])))
    assert (status, lines[-1]) == (1, "1 passed, 1 failed")


def test_a_plain_program_counts_as_one(tmp_path):
    assert count(meson(tmp_path, ("echo", "OK", "", ["echo"]))) == (0, ["1 passed, 0 failed"])


def test_a_time_out_of_pytest_is_a_failure(tmp_path):
    run = ("e2e", "TIMEOUT", "", ["pytest", f"--junitxml={tmp_path}/never-written.xml"])
    assert count(meson(tmp_path, run))[1][-1] == "0 passed, 1 failed"


def test_missing_results_are_a_failure(tmp_path):
    tap = tmp_path / "results.tap"
    tap.write_text("ok - fuzz url\n")
    assert count(tap, tmp_path / "nothing.tap")[1][-1] == "1 passed, 1 failed"


def test_nothing_at_all_is_no_success():
    assert count() == (1, ["0 passed, 0 failed"])
