"""tools/generate-docs: whatever the tables say comes out of the man page as it was written."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLES = """
#include "cli/command.h"
#include "service/service.h"
#include <string.h>
static const struct cli_option options[] = {{'o', "out", "FILE", %(line)s, 'o'}, {0}};
static const struct cli_example examples[] = {{"packetboat odd | less", %(line)s}, {0}};
static const struct command odd = {.name = "odd", .summary = "x", .synopsis = "[-o FILE]",
	.about = %(about)s, .options = options, .examples = examples};
const struct command *const commands[] = {&odd, NULL};
const struct service_kind *const service_kinds[] = {NULL};
const struct spec_key service_keys[] = {{0}};
const struct command *command_find(const char *name) { return strcmp(name, "odd") ? NULL : &odd; }
"""


def man_page(directory, line, about):
    """What the man page of such a command says, without the marks that keep roff from reading it as markup."""
    texts = {"line": json.dumps(line), "about": json.dumps(about)}  # C's strings look the same
    (directory / "tables.c").write_text(TABLES % texts)
    subprocess.run([os.environ.get("CC", "cc"), "-DPACKETBOAT_VERSION=\"1\"", f"-I{ROOT}/include", f"-I{ROOT}/src",
                    "-o", directory / "generate", ROOT / "tools/generate-docs.c", directory / "tables.c"], check=True)
    source = subprocess.run([directory / "generate", "man", "odd"], capture_output=True, check=True)
    done = subprocess.run(["scdoc"], input=source.stdout, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().replace("\\&", "").replace("\\-", "-")


def test_a_dash_begins_no_list(tmp_path):
    page = man_page(tmp_path, "-- ends the options", "Reads\n- which is standard input -\nto its end.\n")
    assert "\nReads\n- which is standard input -\nto its end.\n" in page
    assert page.count("\n-- ends the options") == 2
    assert "\\(bu" not in page


def test_no_markup_by_accident(tmp_path):
    page = man_page(tmp_path, "# a *star* and _lines_", "# a heading is\nnot_made *here*\n")
    assert page.count("\n# a *star* and _lines_") == 2
    assert "\n# a heading is\nnot_made *here*\n" in page
