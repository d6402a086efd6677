"""--help, the man pages and the completion say what the programs take, and nothing is left out of them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("PACKETBOAT", ROOT / "build" / "packetboat")).resolve()
DOCS = PROGRAM.parent / "docs"
COMMANDS = re.findall(r"&command_(\w+),", (ROOT / "src/cli/commands.c").read_text(encoding="utf-8"))
KINDS = ["echo", "discard", "chargen", "daytime", "time", "http", "relay"]
KEYS = {
    "echo": ["allow", "conns", "conns-per-client", "deny", "idle", "only"],  # every kind's
    "http": ["root", "index", "listing", "deferred", "cache", "header-max", "header-time"],
    "relay": ["to", "connect-time", "sessions"],
}


def said(*args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


def man_page(name):
    """Its text without the marks that are for roff; a line that begins with a dot is a request."""
    source = (DOCS / f"{name}.1").read_text(encoding="utf-8")
    return re.sub(r"\\f[BIRP]|\\&", "", source).replace("\\-", "-")


@pytest.mark.parametrize("command", COMMANDS)
def test_three_ways_to_the_same_help(command):
    assert said(command, "--help") == said(command, "-h") == said("help", command)


def test_help_for_help():
    assert said("help", "help") == said("help", "--help") == said("--help") == said()
    assert "--version" in said()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_man_page_has_each_option(command):
    options = re.findall(r"^  (?:-\w, |    |-\w)(?:--[\w-]+)?", said(command, "--help"), re.MULTILINE)
    page = man_page(f"packetboat-{command}")
    assert "-h, --help" in [o.strip() for o in options]
    for option in options:
        assert option.strip() in page


@pytest.mark.parametrize("command", COMMANDS)
def test_a_man_page_ends_as_people_expect(command):
    sections = re.findall(r"^\.SH (.*)$", man_page(f"packetboat-{command}"), re.MULTILINE)
    assert sections[-1] == "SEE ALSO" and sections[-2] == "EXIT STATUS" and sections[-3] == "EXAMPLES"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_service_and_its_keys_are_explained(kind):
    help_text, page = said("serve", "--help"), man_page("packetboat-serve")
    assert re.search(rf"^  {kind} ", help_text, re.MULTILINE) and re.search(rf"^\.SS {kind}$", page, re.MULTILINE)
    for key in KEYS.get(kind, []):
        assert re.search(rf"^ +{key}=", help_text, re.MULTILINE) and re.search(rf"^{key}=", page, re.MULTILINE)


@pytest.mark.parametrize("command", ["serve", "connect", "get", "ping"])
def test_net_is_explained(command):
    for text in [said(command, "--help"), man_page(f"packetboat-{command}")]:
        for part in ["tap:NAME", "tun:", ",auto", "addr=", "gateway=", "dns=", "mtu=", "ecn=", "host="]:
            assert part in text


def complete(*words):
    """What bash offers for the last word."""
    script = """
        compopt() { :; }
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _packetboat packetboat "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(["bash", "-c", script, "bash", DOCS / "packetboat", "packetboat", *words],
                          capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_completion():
    assert complete("") == ["help", "--version", *COMMANDS]
    assert complete("help", "s") == ["serve"]
    assert complete("serve", "--l") == ["--log"]
    assert complete("serve", "ec") == ["echo://"]
    assert complete("connect", "-u", "loc") == []


def test_completion_of_what_an_option_takes():
    assert complete("serve", "--log", "") == []  # not a service
    assert complete("serve", "--workers", "e") == []
    assert complete("serve", "--capture", "/etc/host") != []
    assert complete("serve", "--log", "text", "ec") == ["echo://"]
