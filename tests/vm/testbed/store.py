# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache: finished entries, each in a directory named by what it was made from.

    entries/NAME-KEY/     one finished entry; manifest.json says what is in it
    work/NAME/            the entry being built, renamed into entries/ when complete
    locks/NAME            held while NAME is built
    ccache/               what compilers made; ccache sees to its size
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import Failure
from .debian import run

GIB = 1 << 30
LIMIT = 12 * GIB


@dataclass(frozen=True)
class Recipe:
    """How an entry is made; the key is made of all that decides its content."""

    name: str
    inputs: tuple[str, ...]          # packages, architectures, a line of kernels.txt
    source: str                      # the text of the code that builds it
    needs: float                     # GiB of disk while it is built
    build: Callable[[Path, Path], dict]   # (target, workdir) -> what the manifest shall say

    @property
    def key(self) -> str:
        text = "\0".join([self.name, self.source, *self.inputs])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def directory() -> Path:
    """Where the cache lives: never inside the checkout."""
    asked = os.environ.get("EGM_CACHE_DIR")
    if asked:
        return Path(asked).resolve()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home).resolve() / "egm-testbed"


@contextlib.contextmanager
def locked(path: Path, what: str):
    """Hold the lock of a file, saying for what if that means to wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process, which has {what}", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def compiled() -> Path:
    """The place of what compilers made."""
    place = directory() / "ccache"
    place.mkdir(parents=True, exist_ok=True)
    return place


def lock(name: str) -> Path:
    """The lock file of something that there is one of: an entry, the machine's apt, the VM."""
    return directory() / "locks" / name


def entry(recipe: Recipe) -> Path:
    """The place of a recipe's entry, there or not."""
    return directory() / "entries" / f"{recipe.name}-{recipe.key}"


def entries() -> list[Path]:
    """Every finished entry, the most recently used first."""
    found = (directory() / "entries").glob("*/manifest.json")
    return [path.parent for path in
            sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def manifest(path: Path) -> dict:
    """What an entry says about itself."""
    return json.loads((path / "manifest.json").read_text(encoding="utf-8"))


def provide(recipe: Recipe, keep: set[Path]) -> Path:
    """The entry of a recipe, built first if it is not there; KEEP is what prune must leave."""
    path = entry(recipe)
    if not (path / "manifest.json").exists():
        with locked(lock(recipe.name), recipe.name):
            if not (path / "manifest.json").exists():
                build(recipe, path)
                shrink(keep | {path})
    os.utime(path / "manifest.json")
    return path


def build(recipe: Recipe, path: Path) -> None:
    """Build an entry under a temporary name and rename it: a finished name is complete."""
    workdir = directory() / "work" / recipe.name
    remove(workdir)
    workdir.mkdir(parents=True)
    for place in {workdir, Path("/var/tmp")}:
        free = shutil.disk_usage(place).free / GIB
        if free < recipe.needs:
            raise Failure(f"{recipe.name} needs {recipe.needs} GiB in {place}, "
                          f"but only {free:.1f} GiB are free (EGM_CACHE_DIR moves the cache)")
    print(f"{recipe.name}: building it (once)", file=sys.stderr, flush=True)
    start = time.monotonic()
    target = workdir / "entry"
    target.mkdir()
    content = recipe.build(target, workdir)
    content = {"name": recipe.name, "key": recipe.key, "size": usage(target), **content}
    (target / "manifest.json").write_text(json.dumps(content, indent=1) + "\n",
                                          encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    target.rename(path)
    remove(workdir)
    print(f"{recipe.name}: {content['size'] / GIB:.2f} GiB in "
          f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def usage(path: Path) -> int:
    """Bytes on disk below a directory."""
    total = 0
    for base, _, files in os.walk(path):
        total += sum(os.lstat(os.path.join(base, name)).st_blocks * 512 for name in files)
    return total


def remove(path: Path) -> None:
    """Delete a tree of ours. What is mounted below it is not ours, so then nothing is."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    for line in mounts:
        point = Path(line.split()[4].encode().decode("unicode_escape"))
        if point == path or path in point.parents:
            raise Failure(f"{path} is not removed: {point} is mounted there")
    if path.exists():
        run("rm", "-rf", "--one-file-system", "--", path)


def discard(path: Path) -> bool:
    """Delete an entry unless a running `enter` holds it; True when it is gone."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Away from its name at once: nobody may find half of an entry.
        doomed = directory() / "work" / f"{path.name}.removed"
        doomed.parent.mkdir(parents=True, exist_ok=True)
        path.rename(doomed)
        remove(doomed)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


@contextlib.contextmanager
def in_use(path: Path):
    """Keep an entry from being discarded."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def shrink(keep: set[Path]) -> None:
    """Bring the cache below its limit, the longest unused entries first."""
    sizes = {path: manifest(path)["size"] for path in entries()}
    total = sum(sizes.values())
    for path in reversed(list(sizes)):
        if total > LIMIT and path not in keep and discard(path):
            print(f"{path.name}: removed, the cache was above {LIMIT // GIB} GiB",
                  file=sys.stderr)
            total -= sizes[path]
    if total > LIMIT:
        raise Failure(f"the cache holds {total / GIB:.1f} GiB of entries in use, more than "
                      f"{LIMIT // GIB} GiB")
