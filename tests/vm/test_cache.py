#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of the cache, on small entries and without the network."""

import fcntl
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

from testbed import Failure, debian, kernels, store  # noqa: E402


def recipe(name: str, text: str = "", needs: float = 0.001) -> store.Recipe:
    """An entry of a mebibyte."""
    def build(target: Path, _workdir: Path) -> dict:
        (target / "data").write_bytes(b"x" * (1 << 20))
        return {"packages": {}}
    return store.Recipe(name, (), text, needs, build)


class Cache(unittest.TestCase):
    """Every test has an empty cache of its own, with room for two entries and a half."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        for patch in (mock.patch.dict(os.environ, EGM_CACHE_DIR=directory.name),
                      mock.patch.object(store, "LIMIT", 5 << 19)):
            patch.start()
            self.addCleanup(patch.stop)
        self.directory = Path(directory.name)

    def provide(self, name: str, **options) -> Path:
        """An entry, with its last use clearly after the others'."""
        self.clock = getattr(self, "clock", 0) + 10
        path = store.provide(recipe(name, **options), set())
        os.utime(path / "manifest.json", (self.clock, self.clock))
        return path

    def there(self) -> set[str]:
        return {store.manifest(path)["name"] for path in store.entries()}

    def test_an_entry_is_built_once_and_again_when_its_recipe_changes(self):
        first = self.provide("a")
        inode = first.stat().st_ino
        self.assertEqual(self.provide("a").stat().st_ino, inode)
        self.assertNotEqual(self.provide("a", text="edited"), first)

    def test_a_failed_build_leaves_no_entry(self):
        def build(target: Path, _workdir: Path) -> dict:
            (target / "half").touch()
            raise Failure("broken")
        with self.assertRaises(Failure):
            store.provide(store.Recipe("a", (), "", 0.001, build), set())
        self.assertEqual(list((self.directory / "entries").glob("*")), [])
        self.provide("a")
        self.assertFalse((store.entry(recipe("a")) / "half").exists())

    def test_the_longest_unused_entry_makes_room(self):
        for name in ("a", "b", "a", "c"):
            self.provide(name)
        self.assertEqual(self.there(), {"a", "c"})

    def test_an_entry_in_use_is_not_discarded(self):
        path = self.provide("a")
        handle = os.open(path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_SH)
        self.assertFalse(store.discard(path))
        self.assertTrue((path / "data").exists())
        os.close(handle)
        self.assertTrue(store.discard(path))
        self.assertFalse(path.exists())

    def test_too_little_space_is_said_before_the_build(self):
        with self.assertRaisesRegex(Failure, "a needs 1000000 GiB"):
            self.provide("a", needs=1000000)

    def test_what_is_mounted_is_not_removed(self):
        with self.assertRaisesRegex(Failure, "is mounted there"):
            store.remove(Path("/proc"))

    def test_no_mirror_asks_for_one(self):
        with mock.patch.object(debian, "output", return_value=""), \
                mock.patch.dict(os.environ), \
                self.assertRaisesRegex(Failure, "EGM_DEBIAN_MIRROR"):
            os.environ.pop("EGM_DEBIAN_MIRROR", None)
            debian.mirror()

    def test_an_unserved_kernel_names_what_is_offered(self):
        apt = mock.Mock()
        apt.offers.return_value = {"linux-image-6.12.1+deb13-arm64": {"6.12.1-1"}}
        line = kernels.Kernel("old", "trixie", "6.1.*", ("arm64",), frozenset({"vm"}))
        with mock.patch.object(debian, "Apt", return_value=apt):
            with self.assertRaisesRegex(Failure, r"serves no 6\.1\.\*.* offers .*6\.12\.1-1"):
                debian.resolve(self.directory, line)
            found = kernels.Kernel("new", "trixie", "6.12.*", ("arm64",), frozenset({"vm"}))
            self.assertEqual(debian.resolve(self.directory, found)[:2],
                             ("6.12.1+deb13", "6.12.1-1"))

    def test_a_wrong_line_of_the_table_is_named(self):
        table = self.directory / "kernels.txt"
        table.write_text("# a comment\nnew trixie 7.* arm64 build,cook\n", encoding="utf-8")
        with self.assertRaisesRegex(Failure, ":2: unknown role cook"):
            kernels.read(table)
        table.write_text("new trixie 7.* arm64,amd64 build mine\n", encoding="utf-8")
        with self.assertRaisesRegex(Failure, ":1: new is built, and that for arm64 only"):
            kernels.read(table)

    def test_a_kernel_is_built_with_the_options_of_its_line(self):
        table = self.directory / "kernels.txt"
        table.write_text("new trixie 7.* arm64 build,vm ours,mine\n", encoding="utf-8")
        kernel, = kernels.read(table)
        (self.directory / "ours.config").write_text("CONFIG_B=y\n", encoding="utf-8")
        with mock.patch.object(kernels, "CONFIGS", self.directory):
            with self.assertRaisesRegex(Failure, "new: there is no .*/mine.config"):
                kernel.options()
            (self.directory / "mine.config").write_text("CONFIG_A=y\n", encoding="utf-8")
            self.assertEqual(kernel.options(), "CONFIG_B=y\nCONFIG_A=y\n")

    def test_options_that_did_not_come_about_are_named(self):
        config = "CONFIG_A=y\nCONFIG_AB=y\n# CONFIG_B is not set\nCONFIG_C=16\n"
        self.assertEqual(kernels.unmet("# about A\nCONFIG_A=y\n\n# CONFIG_B is not set\n"
                                       "# CONFIG_D is not set\nCONFIG_C=16\n", config), [])
        for line in ("CONFIG_B=y", "CONFIG_D=y", "CONFIG_A=m", "CONFIG_C=1",
                     "# CONFIG_A is not set"):
            self.assertEqual(kernels.unmet(f"CONFIG_AB=y\n{line}\n", config), [line])


if __name__ == "__main__":
    unittest.main()
