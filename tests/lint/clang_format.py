# SPDX-License-Identifier: GPL-2.0-or-later
"""C++ is formatted as .clang-format says."""

from sources import files, run_tool

FAULTS = [("egmctl/planted.cpp", "int  planted ;\n")]


def check(tree):
    return run_tool(tree, ["clang-format", "--dry-run", "-Werror", "--style=file"],
                    files(tree, "egmctl/**/*.[ch]pp", "tests/**/*.[ch]pp"))
