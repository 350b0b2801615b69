# SPDX-License-Identifier: GPL-2.0-or-later
"""The UAPI headers compile alone, as strict C11 and as C++20."""

import subprocess

from sources import files, relative

FAULTS = [
    ("include/uapi/linux/planted.h", "static inline int planted(void) { return 1 }\n"),
    ("include/uapi/linux/not_strict.h", "struct planted { __extension__ int a; };\ntypedef int b[0];\n"),
    ("include/uapi/linux/not_cxx.h", "struct planted { int class; };\n"),
    ("include/uapi/linux/not_alone.h", "struct planted { __u32 a; };\n"),
]
COMPILERS = (["gcc", "-xc", "-std=c11"], ["g++", "-xc++", "-std=c++20"])


def check(tree):
    findings = []
    for path in files(tree, "include/uapi/**/*.h"):
        for compiler in COMPILERS:
            result = subprocess.run(
                [*compiler, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only",
                 "-Iinclude/uapi", "-"], cwd=tree, capture_output=True, text=True, check=False,
                input=f"#include \"{path}\"\n")
            if result.returncode:
                findings.append(f"{relative(tree, path)}: {' '.join(compiler)}:\n{result.stderr}")
    return findings
