# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel C passes the kernel's own checkpatch; exceptions, with reasons: .checkpatch.conf."""

from sources import files, run_tool

FAULTS = [
    ("kmod/nvgrace-egm/planted.c",
     "int planted(void) {\n\treturn 0;\n}\n"),
    ("tests/kmod/planted.c", "int  planted ;\n"),
]


def check(tree):
    # It reads .checkpatch.conf in the current directory: the tree.
    command = ["/opt/linux-linters/checkpatch.pl", "--quiet", "--show-types"]
    sources = files(tree, "include/**/*.h", "kmod/**/*.[ch]", "tests/kmod/**/*.[ch]")
    # The body of a tracepoint is a list of macros, by custom indented like a function.
    traces = [path for path in sources if path.name == "trace.h"]
    return (run_tool(tree, [*command, "--file"], [path for path in sources if path not in traces])
            + run_tool(tree, [*command, "--ignore=OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT", "--file"],
                       traces))
