#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks /dev/egmX and /dev/kvm from shell suites: device.py VERB ..., the answer on stdout.

  size DEVICE          bytes of a region, through a query handle
  nonzero DEVICE       becomes the owner; bytes that are not zero outside of retired granules
  knock NAME           tries to become the owner of a region without waiting for it: the error, and whether
                       that wakes who polls its state
  fail DEVICE ADDRESS  becomes the owner and maps all of it; then the memory there fails
  kvm-capability N     what KVM_CHECK_EXTENSION says of a virtual machine
"""

import errno
import fcntl
import mmap
import os
import select
import signal
import struct
import sys

EGM_RETIRED_PAGES_LIST = 0x4564
KVM_CREATE_VM = 0xAE01
KVM_CHECK_EXTENSION = 0xAE03
GRANULE = 64 << 10
CHUNK = 4 << 20


def size(device):
    handle = os.open(device, os.O_RDONLY)
    return os.lseek(handle, 0, os.SEEK_END)


def retired(handle):
    """Offsets of the granules that no clear touches."""
    needed, _ = struct.unpack("II", fcntl.ioctl(handle, EGM_RETIRED_PAGES_LIST,
                                                struct.pack("II", 8, 0)))
    buffer = bytearray(max(needed, 8))
    struct.pack_into("II", buffer, 0, len(buffer), 0)
    fcntl.ioctl(handle, EGM_RETIRED_PAGES_LIST, buffer)
    _, count = struct.unpack_from("II", buffer)
    return [struct.unpack_from("QQ", buffer, 8 + 16 * i)[0] for i in range(count)]


def nonzero(device):
    handle = os.open(device, os.O_RDWR)
    length = os.lseek(handle, 0, os.SEEK_END)
    with mmap.mmap(handle, length) as memory:
        def found(start, amount):
            bytes_there = memory[start:start + amount]
            # Comparing is a hundred times faster than counting.
            there = len(bytes_there)
            return 0 if bytes_there == bytes(there) else there - bytes_there.count(0)

        return (sum(found(start, CHUNK) for start in range(0, length, CHUNK))
                - sum(found(start, GRANULE) for start in retired(handle)))


def knock(name):
    with open(f"/sys/class/egm/{name}/state", encoding="ascii") as state:
        state.read()
        try:
            os.close(os.open(f"/dev/{name}", os.O_RDWR | os.O_NONBLOCK))
            error = "none"
        except OSError as refusal:
            error = errno.errorcode[refusal.errno]
        poll = select.poll()
        poll.register(state, select.POLLPRI)
        return f"{error} {'awake' if poll.poll(500) else 'asleep'}"


def fail(device, address):
    signals = []
    signal.signal(signal.SIGBUS, lambda number, _: signals.append(number))
    handle = os.open(device, os.O_RDWR)
    with mmap.mmap(handle, os.lseek(handle, 0, os.SEEK_END)):
        with open("/sys/devices/system/memory/hard_offline_page", "w", encoding="ascii") as file:
            file.write(address)
    return f"{len(signals)} signal"


def kvm_capability(number):
    machine = fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), KVM_CREATE_VM, 0)
    return fcntl.ioctl(machine, KVM_CHECK_EXTENSION, int(number))


VERBS = {"size": size, "nonzero": nonzero, "knock": knock, "fail": fail,
         "kvm-capability": kvm_capability}

print(VERBS[sys.argv[1]](*sys.argv[2:]))
