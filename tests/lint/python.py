# SPDX-License-Identifier: GPL-2.0-or-later
"""Python compiles, with Debian 12's grammar, and pyflakes finds nothing."""

import ast

from sources import files, relative, run_tool, scripts

FAULTS = [
    ("tests/planted.py", "import os\n"),
    ("tests/planted", "#!/usr/bin/env python3\nprint(undefined)\n"),
    ("tests/newer.py", "def planted[T](x: T) -> T:\n    return x\n"),
]


def check(tree):
    paths = sorted({*files(tree, "**/*.py"), *scripts(tree, "python3")})
    findings = []
    for path in paths:
        try:
            ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 11))
        except SyntaxError as error:
            findings.append(f"{relative(tree, path)}:{error.lineno}: {error.msg}")
    return findings + run_tool(tree, ["python3", "-m", "pyflakes"], paths)
