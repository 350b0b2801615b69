# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own semantic patches find nothing in the modules."""

import subprocess
from pathlib import Path

from sources import files, relative

# Those that can report, but the two that want a compiler of OCaml.
SCRIPTS = sorted(path for path in Path("/opt/linux-linters/coccinelle").glob("**/*.cocci")
                 if "virtual report" in (text := path.read_text(encoding="utf-8")) and
                 "script:ocaml" not in text)
FAULTS = [
    ("kmod/nvgrace-egm/planted.c",
     "int planted(int *it)\n{\n\tkfree(it);\n\treturn *it;\n}\n"),
]


def sources(tree):
    return files(tree, "include/linux/*.h", "kmod/**/*.[ch]", "tests/kmod/**/*.[ch]")


def check_files(tree, paths):
    findings = []
    for script in SCRIPTS:
        result = subprocess.run(
            ["spatch", "-D", "report", "--very-quiet", "--no-includes", "--cocci-file", script,
             *(relative(tree, path) for path in paths)],
            cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        findings += result.stdout.splitlines()
        if result.returncode:
            findings.append(f"{script.name}: {result.stderr.strip()}")
    return findings
