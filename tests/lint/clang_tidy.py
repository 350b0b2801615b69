# SPDX-License-Identifier: GPL-2.0-or-later
"""clang-tidy finds nothing in the C++; .clang-tidy says what it looks for."""

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

from sources import files, run_tool

FAULTS = [
    ("egmctl/planted.cpp", "#include <string>\n#include <utility>\n\nstd::size_t planted(std::string text)\n{\n"
                           "\tstd::string other = std::move(text);\n\treturn text.size() + other.size();\n}\n"),
    ("egmctl/planted.cpp", "#include <string>\n\nstd::size_t planted(std::string text)\n{\n"
                           "\treturn text.size();\n}\n"),
]


def sources(tree):
    return files(tree, "egmctl/**/*.cpp")


def check_files(tree, paths):
    with tempfile.TemporaryDirectory() as build:
        subprocess.run(["cmake", "-G", "Ninja", "-S", tree, "-B", build, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                        "-DBUILD_TESTING=OFF"], check=True, stdout=subprocess.DEVNULL)
        command = ["clang-tidy", "--quiet", "-p", build]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda path: run_tool(tree, command, [path]), paths)
            return [finding for findings in found for finding in findings]
