#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: tests/fuzz/seeds.py TARGET DIRECTORY

Builds a recorded host in DIRECTORY/host, and from it in DIRECTORY/seeds the inputs that fuzzing of a target begins
with.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
GOLDEN = TESTS / "unit" / "golden"
sys.path.insert(0, str(GOLDEN))
from recorded import build  # noqa: E402


def seeds(target, host):
    """The inputs, in the form that the target reads."""
    # The order of the target: tests/fuzz/host.cpp.
    files = sorted((path for path in host.rglob("*") if path.is_file() and not path.is_symlink()),
                   key=lambda path: path.relative_to(host).parts)
    if target == "host":
        return [bytes([number, number]) + path.read_bytes() for number, path in enumerate(files)]
    if target == "command_line":
        lines = (GOLDEN / "expected/gb200.txt").read_text(encoding="utf-8").splitlines()
        return ["\0".join(line.split()[2:]).encode() for line in lines
                if line.startswith("$ egmctl ")]
    if target == "uevent":
        return [b"egm4\0EGM_EVENT=poison\0OFFSET=0x1f400000\0SIZE=0x10000\0"]
    return [path.read_bytes() for path in files]


def main():
    target, directory = sys.argv[1], Path(sys.argv[2])
    build(GOLDEN / "hosts/gb200.host", str(directory / "host"))
    (directory / "seeds").mkdir()
    for number, seed in enumerate(seeds(target, directory / "host")):
        (directory / "seeds" / str(number)).write_bytes(seed)


if __name__ == "__main__":
    main()
