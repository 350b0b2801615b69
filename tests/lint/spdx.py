# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file has the SPDX expression of its directory, in itself or in REUSE.toml, in one of them."""

import fnmatch
import tomllib

from sources import files, relative

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
    ("VERSION", f"{TAG} GPL-2.0-or-later\n"),
]


def check(tree):
    with (tree / "REUSE.toml").open("rb") as file:
        annotations = tomllib.load(file)["annotations"]
    findings = []
    for path in files(tree, "**/*"):
        name = relative(tree, path)
        if name == "LICENSE":
            continue
        wanted = next(wanted for prefix, wanted in EXPRESSIONS if name.startswith(prefix))
        found = [*in_file(path), *in_annotations(annotations, name)]
        if found != [wanted]:
            findings.append(f"{name}: wants the SPDX expression {wanted!r}, has {found}")
    return findings


def in_file(path):
    """The expressions of the file's first lines (a script's second line at the latest)."""
    lines = path.read_bytes().decode(errors="replace").splitlines()[:3]
    return [line.split(TAG)[1].strip(" */#-><!;\\\"'").strip() for line in lines if TAG in line]


def in_annotations(annotations, name):
    """The expressions that REUSE.toml gives the file."""
    found = []
    for annotation in annotations:
        paths = annotation["path"]
        paths = [paths] if isinstance(paths, str) else paths
        expression = annotation.get("SPDX-License-Identifier")
        if expression and any(fnmatch.fnmatchcase(name, path) for path in paths):
            found.append(expression)
    return found
