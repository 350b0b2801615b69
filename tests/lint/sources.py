# SPDX-License-Identifier: GPL-2.0-or-later
"""What the checkers share: finding files and calling tools."""

import subprocess


def files(tree, *patterns):
    """The regular files of the tree below any of the patterns (of Path.glob), sorted."""
    found = {path for pattern in patterns for path in tree.glob(pattern)
             if path.is_file() and not path.is_symlink()}
    return sorted(found)


def scripts(tree, interpreter):
    """The files whose first line names the interpreter."""
    found = []
    for path in files(tree, "**/*"):
        with path.open("rb") as file:
            first = file.readline()
        if first.startswith(b"#!") and interpreter in first.decode():
            found.append(path)
    return found


def relative(tree, path):
    return path.relative_to(tree).as_posix()


def run_tool(tree, command, paths):
    """Runs a tool on files of the tree; its output is the finding if it fails."""
    if not paths:
        return []
    result = subprocess.run([*command, *(relative(tree, path) for path in paths)], cwd=tree,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False)
    return [result.stdout.rstrip() or f"{command[0]}: exit status {result.returncode}"] \
        if result.returncode else []
