# SPDX-License-Identifier: GPL-2.0-only
"""A mutant: a fault planted in the modules, and what has to find it.

It is a patch of kmod/. In front of it stand

  a sentence that says what is wrong

  Killed-by: vm/SUITE:KERNEL     the test that has to fail
  Which-says: WORDS              part of what it prints then: it may fail for other reasons
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from testbed import Failure

HEADER = re.compile(r"(\S.*\.)\n\nKilled-by: (vm/\S+:\S+)\nWhich-says: (\S.*)\n\n(?=--- )")
TOUCHED = re.compile(r"^(?:---|\+\+\+) (.*)", re.MULTILINE)

# How tests/vm/run ends when the suite or the host's kernel has found something. What could not be built
# or did not come up, or was too slow, has found nothing.
FOUND = re.compile(r"vm/run: .*: (the suite failed with exit status [0-9]+|"
                   r"the host's kernel (died|complained): .*) \([0-9]+ s; .*\)")


@dataclass(frozen=True)
class Mutant:
    """What its file says."""

    patch: Path
    fault: str
    test: str
    words: str

    @property
    def name(self):
        return self.patch.stem


def read(patch):
    """The mutant of a file."""
    text = patch.read_text(encoding="utf-8")
    header = HEADER.match(text)
    if not header:
        raise Failure(f"{patch.name}: no sentence, Killed-by: and Which-says: in front of the patch")
    for path in TOUCHED.findall(text):
        if not re.fullmatch(r"[ab]/kmod/\S+", path):
            raise Failure(f"{patch.name}: patches {path}, which is no file of kmod/")
    return Mutant(patch, *header.groups())


def plant(mutant, tree, *options):
    """Patches a tree, with more options for patch(1). A tree that has changed too much for that must not
    pass for a mutant."""
    result = subprocess.run(["patch", "--strip=1", "--fuzz=0", "--batch", "--forward", *options,
                             "--directory", tree, "--input", mutant.patch],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False)
    if result.returncode:
        raise Failure(f"{mutant.patch.name} does not apply: {result.stdout}")


def survival(mutant, code, output):
    """Why a run of its test is no kill; None if it is one."""
    last = output.rstrip().rpartition("\n")[2]
    if code == 0:
        return "survived"
    if not FOUND.fullmatch(last):
        return f"not judged: {last}"
    if mutant.words not in output:
        return f"not found, but something else was: {last}"
    return None
