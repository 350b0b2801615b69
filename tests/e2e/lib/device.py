#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks /dev/egmX and /dev/kvm from shell suites: device.py VERB ..., the answer on stdout.

  size DEVICE          bytes of a region, through a query handle
  nonzero DEVICE       becomes the owner; bytes that are not zero, and bytes looked at
  kvm-capability N     what KVM_CHECK_EXTENSION says
"""

import fcntl
import mmap
import os
import sys

KVM_CHECK_EXTENSION = 0xAE03
CHUNK = 4 << 20


def size(device):
    handle = os.open(device, os.O_RDONLY)
    return os.lseek(handle, 0, os.SEEK_END)


def nonzero(device):
    handle = os.open(device, os.O_RDWR)
    length = os.lseek(handle, 0, os.SEEK_END)
    with mmap.mmap(handle, length) as memory:
        found = 0
        for start in range(0, length, CHUNK):
            chunk = memory[start:start + CHUNK]
            found += len(chunk) - chunk.count(0)
    return f"{found} of {length}"


def kvm_capability(number):
    return fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), KVM_CHECK_EXTENSION, int(number))


VERBS = {"size": size, "nonzero": nonzero, "kvm-capability": kvm_capability}

print(VERBS[sys.argv[1]](sys.argv[2]))
