"""A page with a hundred files, served by us and loaded by headless Chromium: each of them arrives and is used."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("PACKETBOAT", ROOT / "build" / "packetboat"))
FILES = 100  # style sheets, scripts and pictures, a third each, and one more script

QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


def make_site(directory):
    """Each script counts itself, each picture and style sheet is counted when it has loaded."""
    head, body = [], []
    for i in range(FILES):
        if i % 3 == 0:
            (directory / f"style {i}.css").write_text(f"#s{i} {{ color: rgb({i}, 0, 0) }}\n")
            head.append(f'<link rel="stylesheet" href="style%20{i}.css" onload="count()">')
        elif i % 3 == 1:
            (directory / f"script-{i}.js").write_text("count();\n")
            body.append(f'<script src="script-{i}.js"></script>')
        else:
            (directory / f"picture-{i}.svg").write_text(
                '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>\n')
            body.append(f'<img src="picture-{i}.svg" onload="count()" alt="">')
    counter = "<script>var loaded = 0; function count() { document.title = 'loaded ' + ++loaded; }</script>"
    (directory / "index.html").write_text(
        "<!DOCTYPE html><html><head><meta charset=utf-8><title>none</title>" + counter + "".join(head) +
        "</head><body>" + "".join(body) + "</body></html>\n")


@pytest.fixture
def server(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    make_site(site)
    process = subprocess.Popen([PROGRAM, "serve", f"http://127.0.0.1:0,root={site}"], stderr=subprocess.PIPE, text=True)
    try:
        address = re.match(r"listening on (\S+)/tcp \(http\)", process.stderr.readline()).group(1)
        yield address, process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_hundred_files(server, tmp_path):
    address, process = server
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing; './dev test --browser' installs it"
    run = subprocess.run([chromium, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000",
                          "--dump-dom", f"http://{address}/"], capture_output=True, text=True, timeout=120)
    title = re.search(r"<title>(.*?)</title>", run.stdout)
    assert title and title.group(1) == f"loaded {FILES}", run.stdout[-2000:] + run.stderr[-2000:]
    process.terminate()
    _, log = process.communicate(timeout=20)
    answered = set(re.findall(r'"GET" "(/[^"]*)" 200 ', log))
    assert len(answered - {"/favicon.ico"}) == FILES + 1, log[-2000:]
