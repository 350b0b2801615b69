# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded hosts.

A recorded host is text, one path of its tree a line:
  PATH/             a directory
  PATH -> TARGET    a symbolic link
  PATH = VALUE      a file of one line; "\\0" is a zero byte
  PATH :            a file of the lines below it that begin with a tab
Lines that begin with # are comments.
"""

import os
from pathlib import Path


def build(description, root):
    """Makes the tree of a recorded host."""
    content = None
    for line in description.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        if line.startswith("\t"):
            content.write(line[1:] + "\n")
            continue
        if content:
            content.close()
            content = None
        path = root + line.split(" ")[0]
        if line.endswith("/"):
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if " -> " in line:
            os.symlink(line.split(" -> ")[1], path)
        elif " = " in line:
            value = line.split(" = ", 1)[1].replace("\\0", "\0")
            Path(path).write_text(value + "\n", encoding="utf-8")
        else:
            # Closed at the next path.
            content = open(path, "w", encoding="utf-8")  # pylint: disable=consider-using-with
    if content:
        content.close()
