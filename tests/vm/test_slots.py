#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How many machines run at a time, on a machine with two slots."""

import fcntl
import os
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

from testbed import slots, store  # noqa: E402


class Slots(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        for patch in (mock.patch.dict(os.environ, EGM_CACHE_DIR=directory.name),
                      mock.patch.object(slots, "total", lambda: 2)):
            patch.start()
            self.addCleanup(patch.stop)
        self.everyone = []

    def tearDown(self):
        for leave in self.everyone:
            leave.set()

    def start(self, memory, alone=False):
        """Somebody who runs a machine from an event on until he is told to leave."""
        running, leave = threading.Event(), threading.Event()

        def run():
            with slots.held(memory, alone):
                running.set()
                leave.wait()
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.everyone.append(leave)
        return running, leave

    def check(self, others, one):
        """One runs only when the others have left."""
        running, _ = self.start(*one)
        for other_running, leave in others:
            self.assertFalse(running.wait(0.2))
            self.assertTrue(other_running.is_set())
            leave.set()
        self.assertTrue(running.wait(30))

    def both(self):
        others = [self.start(slots.MEMORY) for _ in range(2)]
        for running, _ in others:
            self.assertTrue(running.wait(30))
        return others

    def someone_has_the_turn(self):
        with open(store.lock("vm"), "w", encoding="utf-8") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return
                fcntl.flock(file, fcntl.LOCK_UN)
                time.sleep(0.1)

    def test_two_run_and_a_third_waits_for_one_of_them(self):
        others = self.both()
        self.check(others[1:], (slots.GIB,))
        self.assertFalse(others[0][1].is_set())

    def test_one_that_measures_waits_for_all(self):
        self.check(self.both(), (slots.GIB, True))

    def test_a_large_one_takes_two(self):
        self.check(self.both(), (slots.MEMORY + 1,))

    def test_who_is_larger_than_all_has_the_machine_for_himself(self):
        huge = self.start(9 * slots.MEMORY)
        self.assertTrue(huge[0].wait(30))
        self.check([huge], (slots.GIB,))

    def test_nobody_is_overtaken(self):
        first, second = self.both()
        running, _ = self.start(slots.GIB, True)
        self.someone_has_the_turn()
        late, _ = self.start(slots.GIB)
        first[1].set()
        self.assertFalse(late.wait(2))
        second[1].set()
        self.assertTrue(running.wait(30))
        self.assertFalse(late.is_set())


class Total(unittest.TestCase):
    def check(self, processors, gib, expected):
        with mock.patch.object(slots.os, "sched_getaffinity", lambda _: range(processors)), \
                mock.patch.object(slots.os, "sysconf", {"SC_PAGE_SIZE": 4096,
                                                        "SC_PHYS_PAGES": gib << 18}.get):
            self.assertEqual(slots.total(), expected)

    def test_a_processor_and_8_gib_each(self):
        self.check(2, 64, 2)
        self.check(64, 24, 3)
        self.check(64, 7, 1)


if __name__ == "__main__":
    unittest.main()
