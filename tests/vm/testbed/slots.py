# SPDX-License-Identifier: GPL-2.0-or-later
"""How many machines run at a time: none waits for a processor or for memory, or its time limit says nothing."""

import contextlib
import fcntl
import os
import time

from . import store

GIB = 1 << 30
MEMORY = 8 * GIB   # of one slot: what README.md asks of a machine that runs the tests


def total() -> int:
    """A slot is a processor and its share of the memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(len(os.sched_getaffinity(0)), memory // MEMORY))


def _take(number: int, stack: contextlib.ExitStack) -> bool:
    """A slot until the stack is left, if nobody has it."""
    path = store.lock(f"vm-{number}")
    path.parent.mkdir(parents=True, exist_ok=True)
    file = stack.enter_context(open(path, "w", encoding="utf-8"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    return True


@contextlib.contextmanager
def held(memory: int, alone: bool = False):
    """Hold as many slots as a machine with so many bytes takes, or all of them."""
    slots = total()
    wanted = slots if alone else min(slots, -(-memory // MEMORY))
    taken: set[int] = set()
    with contextlib.ExitStack() as stack:
        # One collects at a time: two with half of what they need would wait for each other.
        with store.locked(store.lock("vm"), "the next turn to run a machine"):
            while True:
                for number in range(slots):
                    if len(taken) < wanted and number not in taken and _take(number, stack):
                        taken.add(number)
                if len(taken) == wanted:
                    break
                time.sleep(1)
        yield
