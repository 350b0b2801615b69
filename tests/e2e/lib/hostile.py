#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives a GPU properties and a table of retired pages made at random, binds it and looks what became of it:
hostile.py ADDRESS ROUNDS SEED. What the driver takes must be memory that nobody has, and the same as was
asked for; each byte of it is then zero for its owner."""

import json
import mmap
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

PCI = Path("/sys/bus/pci")
DRIVER = PCI / "drivers/nvgrace_gpu_vfio_pci"
GRANULE = 64 << 10
MIB = 1 << 20
LARGEST = 128 * MIB  # that is opened, too: it takes its time
WORD = 1 << 64

HOST = json.loads(Path(os.environ["EGM_HOST"]).read_text(encoding="utf-8"))
MODULES = os.environ["EGM_MODULES"]
HIDDEN = HOST["hidden"]
GOOD = HOST["sockets"][0]
# Not given to anybody; the upper half of what the description leaves free is firmware's and the kernel's.
FREE = (GOOD["base"] + GOOD["size"], HIDDEN + 512 * MIB)
TABLES = HIDDEN + 700 * MIB

BASE, SIZE, PXM = "nvidia,egm-base-pa", "nvidia,egm-size", "nvidia,egm-pxm"
TABLE = "nvidia,egm-retired-pages-data-base"
GPU_BASE, GPU_SIZE = "nvidia,gpu-mem-base-pa", "nvidia,gpu-mem-size"


def numbers(chance):
    """A base, a size: good ones, ones that are off by a little, and others."""
    base = FREE[0] + chance.randrange(0, (FREE[1] - FREE[0]) // GRANULE) * GRANULE
    size = chance.randrange(1, LARGEST // GRANULE) * GRANULE
    edges = [0, 1, GRANULE - 1, HIDDEN, HIDDEN - GRANULE, GOOD["base"], GOOD["base"] + GRANULE,
             FREE[0] - GRANULE, FREE[1] - GRANULE, 1 << 47, 1 << 48, 1 << 52, WORD // 2, WORD - 1,
             WORD - GRANULE, chance.getrandbits(64), chance.getrandbits(40)]
    if chance.random() < 0.4:
        base = chance.choice(edges)
    if chance.random() < 0.4:
        size = chance.choice(edges)
    if chance.random() < 0.1:
        base = (base + chance.choice([-1, 1, 4096, 8])) % WORD
    if chance.random() < 0.1:
        size = (size + chance.choice([-1, 1, 4096, 8])) % WORD
    return base, size


def write_table(chance, base, size):
    """Leaves a table in memory that nobody has, or names some other place; its address."""
    if chance.random() < 0.3:
        return chance.choice([0, 1, TABLES + 4, base, GOOD["base"], HIDDEN - 8, HIDDEN - 4,
                              WORD - 8, 1 << 52, 0x4000_0000, chance.getrandbits(64)])
    count = chance.choice([0, 1, 2, 10, 4095, 4096, 4097, 1 << 32, WORD - 1, chance.getrandbits(64)])
    entries = [chance.choice([base, base + size - 1, base + size, base - 1, 0, WORD - 1,
                              base + chance.randrange(max(size, 1)), chance.getrandbits(64)]) % WORD
               for _ in range(min(count, 4096))]
    with open("/dev/mem", "r+b", buffering=0) as file, \
            mmap.mmap(file.fileno(), GRANULE, offset=TABLES) as memory:
        words = memoryview(memory).cast("Q")
        for index, word in enumerate([count, *entries]):
            words[index] = word
        words.release()
    return TABLES


def properties(chance):
    """What firmware says this time."""
    base, size = numbers(chance)
    said = {BASE: base, SIZE: size,
            PXM: chance.choice([5, 5, 5, 5, 6, 4, 0, 255, 256, 1 << 32, WORD - 1])}
    if chance.random() < 0.7:
        said[TABLE] = write_table(chance, base, size)
    if chance.random() < 0.3:
        said[GPU_BASE], said[GPU_SIZE] = numbers(chance)
    for name in list(said):
        way = chance.random()
        if way < 0.04:
            del said[name]
        elif way < 0.06:
            said[name] = "text"
        elif way < 0.08:
            said[name] = f"{said[name]}+1"
    return said


def understood(said):
    """What the kernel makes of it: the first number of several; text is none."""
    return {name: int(value.partition("+")[0]) if isinstance(value, str) and "+" in value else value
            for name, value in said.items()}


def may_be_taken(said):
    """Whether the driver may make a region of it: a model of what it must not get wrong."""
    base, size = said.get(BASE), said.get(SIZE)
    if not isinstance(base, int) or not isinstance(size, int) or not base or not size:
        return False
    if base % GRANULE or size % GRANULE or base + size > WORD:
        return False
    ram = base < HIDDEN and base + size > 0x4000_0000
    good = base < GOOD["base"] + GOOD["size"] and base + size > GOOD["base"]
    other = any(base < gpu["properties"][GPU_BASE] + gpu["properties"][GPU_SIZE]
                and base + size > gpu["properties"][GPU_BASE]
                for gpu in HOST["gpus"] if gpu["properties"].get(GPU_SIZE))
    return not (ram or good or other)


def must_be_taken(said):
    """Whether nothing is wrong with it."""
    return (may_be_taken(said) and FREE[0] <= said[BASE] and said[BASE] + said[SIZE] <= FREE[1]
            and said.get(PXM) in (0, 5, 6, 255) and GPU_BASE not in said and GPU_SIZE not in said)


def check(said, address):
    """What became of it; raises AssertionError if that is wrong."""
    directory = PCI / "devices" / address / "egm"
    status = (directory / "status").read_text().strip()
    regions = sorted(path.name for path in Path("/sys/class/egm").iterdir())
    assert status in ("joined", "off", "refused"), status
    assert status == "joined" or not must_be_taken(said), "refused: " + \
        (directory / "reason").read_text()
    assert "egm4" in regions, regions
    if status != "joined":
        assert regions == ["egm4"], regions
        return status
    assert may_be_taken(said), "joined"
    name = f"egm{said[PXM]}"
    assert regions == sorted(["egm4", name]), regions
    size = int((Path("/sys/class/egm") / name / "egm_size").read_text(), 0)
    assert size == said[SIZE], size
    if must_be_taken(said):
        found = subprocess.run(["/egm/lib/device.py", "nonzero", f"/dev/{name}"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
        assert found == "0\n", found
    return status


def forget(address):
    """The driver keeps to what it was told of memory first, for as long as it is loaded."""
    subprocess.run(["bash", "-ec", ". /egm/lib/egm.sh; unload_modules; load_modules"], check=True)
    (DRIVER / "unbind").write_text(address)


def main():
    address, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    seen = Counter()
    for number in range(seed, seed + rounds):
        said = properties(random.Random(number))
        words = ",".join(f"{name.replace(',', ';')}:{value}" for name, value in said.items())
        subprocess.run(["insmod", f"{MODULES}/gpu_properties.ko", f"address={address}",
                        f"properties={words}"], check=True)
        try:
            (PCI / "drivers_probe").write_text(address)
            assert (DRIVER / address).exists(), "not bound"
            status = check(understood(said), address)
            (DRIVER / "unbind").write_text(address)
        except (AssertionError, OSError, subprocess.CalledProcessError) as wrong:
            sys.exit(f"hostile.py: seed {number}: {wrong}\n{said}")
        subprocess.run(["rmmod", "gpu_properties"], check=True)
        seen[status] += 1
        if status == "joined":
            forget(address)
    print(f"ok: {rounds} times, from seed {seed}: {dict(seen)}")
    if rounds >= 100 and len(seen) < 3:
        sys.exit("hostile.py: something never happened")


if __name__ == "__main__":
    main()
