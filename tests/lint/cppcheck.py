# SPDX-License-Identifier: GPL-2.0-or-later
"""cppcheck finds nothing in the C++."""

from sources import files, run_tool

FAULTS = [
    ("egmctl/planted.cpp", "int planted()\n{\n\tint list[2] = { 1, 2 };\n\treturn list[2];\n}\n"),
    ("tests/unit/planted.cpp", "int planted(int *it)\n{\n\tdelete it;\n\treturn *it;\n}\n"),
]


def sources(tree):
    return files(tree, "egmctl/**/*.cpp", "tests/**/*.cpp")


def check_files(tree, paths):
    # The compiler knows better when a loop has to copy; that not all branches were looked at is no finding.
    return run_tool(tree, ["cppcheck", "--quiet", "--std=c++20", "--enable=warning,performance,portability",
                           "--suppress=iterateByValue", "--suppress=normalCheckLevelMaxBranches",
                           "--error-exitcode=1", "-DEGMCTL=\"\"", "-DEGM_VERSION=\"\"",
                           "-DINSTANTIATE_TEST_SUITE_P(...)=", "-I", "egmctl", "-I", "include/uapi",
                           "-I", "tests/e2e/support"], paths)
