# SPDX-License-Identifier: GPL-2.0-or-later
"""clang-tidy finds nothing in egmctl; what it looks for stands in .clang-tidy."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from sources import files, run_tool

FAULTS = [
    ("egmctl/size.cpp", "\nnamespace egm\n{\nint planted(std::string_view text)\n{\n"
     "\tstd::string taken(text);\n\tauto other = std::move(taken);\n"
     "\treturn static_cast<int>(taken.size() + other.size());\n}\n}\n"),
]


def sources(tree):
    return files(tree, "egmctl/*.cpp")


def check_files(tree, paths):
    # What the compiler is told of each file
    build = tree.parent / f"{tree.name}-build"
    subprocess.run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DBUILD_TESTING=OFF",
                    "-DCMAKE_CXX_COMPILER=clang++", "-DCMAKE_C_COMPILER=clang",
                    "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"],
                   check=True, stdout=subprocess.DEVNULL)
    command = ["clang-tidy", "--quiet", "-p", build]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda path: run_tool(tree, command, [path]), paths)
    return [finding for findings in found for finding in findings]
