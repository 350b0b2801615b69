# SPDX-License-Identifier: GPL-2.0-or-later
"""The tree is the architecture: what may stand only in one place, and what may stand nowhere."""

import re

from sources import files, relative

TOP_LEVEL = {
    ".checkpatch.conf", ".ci", ".clang-format", ".clang-tidy", ".editorconfig", ".git", ".gitignore",
    "CHANGELOG.md", "CMakeLists.txt", "Kbuild", "LICENSE", "LICENSES", "README.md", "REUSE.toml", "VERSION",
    "build", "docs", "egmctl", "include", "kmod", "packaging", "tests",
}

# (files, pattern, the files that have the right, what to say)
RIGHTS = [
    (("include/**/*.h", "kmod/**/*", "tests/kmod/**/*"),
     r"\bLINUX_VERSION" r"_CODE\b|\bKERNEL_VERSION\b|linux/version\.h|\bCOMPAT_HAS_",
     r"kmod/(compat/.*|Kbuild\.include)", "what another kernel lacks is kmod/compat's business"),
    (("egmctl/**/*",),
     r"\b(open|openat2?|fopen|freopen|creat|mkstemp|popen)\s*\(|\bSYS_open|[io]?fstream\b|\bstd::rename\b",
     r"egmctl/(tree|output|kvm)\.cpp", "only egmctl/tree.cpp opens files, output.cpp writes them"),
    (("egmctl/**/*",), r"\b(exec[lv]\w*|system|posix_spawnp?)\s*\(", r"egmctl/process\.cpp",
     "only egmctl/process.cpp starts programs"),
    (("egmctl/**/*",), r"\bstdout\b|\bstd::c(out|err)\b|\bfmt::print\b", r"egmctl/(output\.[ch]pp|.*\.(scd|md))",
     "only egmctl/output.cpp writes standard output"),
    # An open of /dev/egmX clears it. What opens anything knows no such path, and KVM only its own.
    (("egmctl/tree.cpp", "egmctl/output.cpp"), r"/dev\b", r"", "egmctl never opens a device node"),
    (("egmctl/kvm.cpp",), r"/dev/(?!kvm\b)|\begm\d", r"", "egmctl opens no device but /dev/kvm"),
    (("egmctl/**/*.[ch]pp",), r"\bEGM_(GET_INFO|RETIRED_PAGES_LIST|BAD_PAGES_LIST)\b|linux/egm\.h", r"",
     "egmctl asks no device: it would have to open it"),
    (("egmctl/**/*",), r"\bkmod/|nvgrace-egm\.h", r"", "egmctl compiles nothing of kmod/"),
    # The name of an XML namespace looks like an address.
    (("**/*",), r"\bhttps?" r"://(?!libvirt\.org/schemas/)", r"LICENSES/.*",
     "no address of a registry, or of anything else: apt's configuration names the mirror"),
    (("**/*",), r"(?<![\w.$}])/ho" r"me/", r"", "a path of somebody's machine"),
]
FAULTS = [
    ("planted.txt", "SPDX\n"),
    ("kmod/compat/planted.c", "int planted;\n"),
    ("kmod/nvgrace-egm/planted.c", "#if LINUX_VERSION" "_CODE > 0\n#endif\n"),
    ("kmod/nvgrace-gpu/planted.h", "#ifdef COMPAT" + "_HAS_planted\n#endif\n"),
    ("egmctl/planted.cpp", "int planted = open(\"planted\", 0);\n"),
    ("egmctl/planted.cpp", "int planted = posix_spawn(nullptr);\n"),
    ("egmctl/planted.cpp", "// fmt::print(text)\n"),
    ("egmctl/planted.cpp", "#include <linux/egm.h>\n"),
    ("egmctl/tree.cpp", "// \"/dev\"\n"),
    ("egmctl/kvm.cpp", "// \"/dev/egm4\"\n"),
    ("egmctl/planted.hpp", "#include \"../kmod/nvgrace-egm/egm.h\"\n"),
    ("tests/planted.sh", "wget http" + "://mirror.example/\n"),
    ("docs/planted.md", "See /ho" + "me/me/notes.\n"),
]


def check(tree):
    findings = [f"{path.name}: not among the entries of the top level"
                for path in tree.iterdir() if path.name not in TOP_LEVEL]
    findings += [f"{relative(tree, path)}: kmod/compat holds headers only"
                 for path in files(tree, "kmod/compat/**/*") if path.suffix != ".h"]
    for patterns, forbidden, owner, reason in RIGHTS:
        for path in files(tree, *patterns):
            name = relative(tree, path)
            if re.fullmatch(owner, name):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            findings += [f"{name}:{number}: {reason}: {line.strip()}"
                         for number, line in enumerate(text.splitlines(), 1)
                         if re.search(forbidden, line)]
    return findings
