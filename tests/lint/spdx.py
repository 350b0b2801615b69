# SPDX-License-Identifier: GPL-2.0-or-later
"""The tree complies with REUSE, and every file has the one SPDX expression of its directory."""

import json
import subprocess

# The first prefix that fits decides.
EXPRESSIONS = [
    ("include/uapi/", "GPL-2.0-only WITH Linux-syscall-note"),
    ("include/linux/", "GPL-2.0-only"),
    ("kmod/", "GPL-2.0-only"),
    ("tests/kmod/", "GPL-2.0-only"),
    ("tests/mutants/", "GPL-2.0-only"),
    ("Kbuild", "GPL-2.0-only"),
    ("", "GPL-2.0-or-later"),
]
TAG = "SPDX-License" + "-Identifier:"  # in two parts: this line is no licence
FAULTS = [
    ("kmod/planted.c", f"// {TAG} GPL-2.0-or-later\n"),
    ("include/uapi/linux/planted.h", f"/* {TAG} GPL-2.0-only */\n"),
    ("include/linux/planted.h", "int planted;\n"),
    ("egmctl/planted.cpp", f"// {TAG} GPL-2.0-only\n"),
    ("VERSION", f"{TAG} GPL-2.0-only\n"),
    ("LICENSES/MIT.txt", "planted\n"),
]


def check(tree):
    findings = reuse(tree, "lint", "--lines").replace(f"{tree}/", "").splitlines()
    for file in json.loads(reuse(tree, "lint", "--json"))["files"]:
        name = file["path"]
        wanted = next(wanted for prefix, wanted in EXPRESSIONS if name.startswith(prefix))
        found = {expression["value"] for expression in file["spdx_expressions"]}
        if found != {wanted}:
            findings.append(f"{name}: wants the SPDX expression {wanted!r}, has {sorted(found)}")
    return findings


def reuse(tree, *arguments):
    # What it says on standard error, it says again in its findings.
    return subprocess.run(["reuse", *arguments], cwd=tree, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout
