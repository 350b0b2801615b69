# SPDX-License-Identifier: GPL-2.0-or-later
"""Shell scripts are clean for shellcheck."""

from sources import files, run_tool, scripts

FAULTS = [
    ("tests/planted", "#!/bin/bash\nset -euo pipefail\ncd $1\n"),
    ("tests/planted-init", "#!/bin/busybox sh\ncd $1\n"),
    ("tests/planted.sh", "# shellcheck shell=bash\necho $1\n"),
]


def check(tree):
    paths = {*files(tree, "**/*.sh"), *scripts(tree, "bash"), *scripts(tree, "/bin/sh"),
             *scripts(tree, "busybox sh")}
    # SC1091: what a script sources may exist in the virtual machine only.
    return run_tool(tree, ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR",
                           "--exclude=SC1091"], sorted(paths))
