#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The mutants are still ones of this tree, and nothing passes for a kill that is none."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent
sys.path.insert(0, str(TREE / "tests" / "vm"))

from testbed import Failure, machine  # noqa: E402
import mutant as mutants  # noqa: E402

PATCHES = sorted(HERE.glob("*.patch"))


class Patches(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.scratch = Path(directory.name)

    def variant(self, *change):
        path = self.scratch / "variant.patch"
        path.write_text(PATCHES[0].read_text(encoding="utf-8").replace(*change, 1),
                        encoding="utf-8")
        return path

    def test_each_applies_and_names_a_suite(self):
        self.assertGreaterEqual(len(PATCHES), 20)
        for patch in PATCHES:
            with self.subTest(patch.name):
                mutant = mutants.read(patch)
                mutants.plant(mutant, TREE, "--dry-run")
                suite = mutant.test.removeprefix("vm/").partition(":")[0]
                self.assertTrue((TREE / "tests" / "e2e" / f"{suite}.sh").exists(), suite)

    def test_one_that_has_rotted_is_found(self):
        for change in (("\n-\t", "\n-rotten\t"), ("\n \t", "\n rotten\t")):
            with self.subTest(change), self.assertRaisesRegex(Failure, "does not apply"):
                mutants.plant(mutants.read(self.variant(*change)), TREE, "--dry-run")

    def test_one_that_is_in_the_tree_already_is_found(self):
        mutant = mutants.read(PATCHES[0])
        shutil.copytree(TREE / "kmod", self.scratch / "kmod")
        mutants.plant(mutant, self.scratch)
        with self.assertRaisesRegex(Failure, "does not apply"):
            mutants.plant(mutant, self.scratch)

    def test_all_that_is_said_in_front_is_needed(self):
        for change in ((".\n", "\n"), ("Killed-by: ", ""), ("vm/", ""), ("Which-says: ", "")):
            with self.subTest(change), self.assertRaisesRegex(Failure, "in front"):
                mutants.read(self.variant(*change))

    def test_only_modules_are_patched(self):
        for change in (("--- a/kmod/", "--- a/tests/"), ("+++ b/kmod/", "+++ b/kmod2/")):
            with self.subTest(change), self.assertRaisesRegex(Failure, "no file of kmod/"):
                mutants.read(self.variant(*change))


class Survival(unittest.TestCase):
    """By the words in which tests/vm/run ends."""

    def check(self, why, console="", status="exit 0\n", in_time=True, says="[  FAILED  ] What.Else"):
        code, message = machine.verdict(console, status, in_time)
        self.judge(why, code, f"{says}\nvm/run: open on debian-7.3, one-socket: {message} "
                              "(30 s; console: /a/console.log)\n")

    def judge(self, why, code, output):
        mutant = mutants.Mutant(Path("planted.patch"), "A fault.", "vm/open:debian-7.3",
                                "Open.Words")
        found = mutants.survival(mutant, code, output)
        if why is None:
            self.assertIsNone(found)
        else:
            self.assertIn(why, found or "killed")

    def test_kills(self):
        self.check(None, status="exit 1\n", says="[  FAILED  ] Open.Words")
        self.check(None, console="Kernel panic - not syncing: Oops\nInternal error: Open.Words\n")
        self.check(None, console="egm: first insmod\nBUG: Open.Words\n")

    def test_a_suite_that_passes(self):
        self.check("survived", says="[       OK ] Open.Words")

    def test_a_suite_that_fails_for_another_reason(self):
        self.check("something else", status="exit 1\n")
        self.check("something else", console="Kernel panic - not syncing: Oops\n", status="")

    def test_what_is_no_finding(self):
        self.check("not judged", status="exit 77\n", says="Open.Words")
        self.check("not judged", status="", says="Open.Words")
        self.check("not judged", status="", in_time=False, says="Open.Words")
        self.check("not judged", status="init: Open.Words\n")
        self.check("not judged", status="refused: Open.Words\n")
        self.judge("not judged", 1, "vm/run: error: Open.Words\nthe build failed: cmake --build\n")
        self.judge("not judged", 2, "")


if __name__ == "__main__":
    unittest.main()
