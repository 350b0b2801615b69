#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware that reports errors of memory, by way of the QEMU around this host (qmp.py).

Takes orders, one a line (lib/actor.sh), and answers each by "ok":

  recoverable|corrected ADDRESS...   one record for each physical address: a memory error, in a
                                     generic error status block of a generic hardware error source

At most the last record is not in the kernel's hands yet when the answer comes.
"""

import base64
import struct
import sys
import time

import qmp

SEVERITIES = {"recoverable": 0, "corrected": 2}
STATUS = {"recoverable": 1, "corrected": 2}  # which kind of error the block is said to have
# a5bc1114-6f64-4ede-b863-3e83ed7c83b1
PLATFORM_MEMORY = bytes.fromhex("1411bca5646fde4eb8633e83ed7c83b1")
ONE_ENTRY = 1 << 4
ADDRESS_VALID = 1 << 1
PATIENCE = 60


def block(severity, address):
    """A generic error status block with one entry, a memory error section."""
    error = struct.pack("<4Q8H3QB7x", ADDRESS_VALID, 0, address, 0, *[0] * 8, 0, 0, 0, 0)
    entry = struct.pack("<16sIHBBI16s20sQ", PLATFORM_MEMORY, SEVERITIES[severity], 0x300,
                        0, 0, len(error), bytes(16), bytes(20), 0) + error
    return struct.pack("<5I", STATUS[severity] | ONE_ENTRY, 0, 0, len(entry),
                       SEVERITIES[severity]) + entry


def inject(monitor, record):
    """Again until the kernel has taken the record before."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            monitor.ask("inject-ghes-v2-error", cper=base64.b64encode(record).decode())
            return
        except qmp.Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)


def main():
    monitor = qmp.Monitor()
    for line in sys.stdin:
        severity, *addresses = line.split()
        for address in addresses:
            inject(monitor, block(severity, int(address, 0)))
        print("ok", flush=True)


if __name__ == "__main__":
    main()
