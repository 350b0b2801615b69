#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks the QEMU around this host: qmp.py COMMAND [ARGUMENTS as JSON], the answer as JSON on stdout.

The host's description must have qmp = true. Exit status 1 and QEMU's words if it refuses.
"""

import json
import sys
from pathlib import Path


class Refused(Exception):
    """QEMU said no."""


class Monitor:
    """The port to QEMU's monitor; one process at a time may have it."""

    def __init__(self):
        for name in Path("/sys/class/virtio-ports").glob("*/name"):
            if name.read_text().strip() == "egm.qmp":
                self.port = open(f"/dev/{name.parent.name}", "r+b", buffering=0)
                break
        else:
            sys.exit("this host has no port egm.qmp")
        self.number = 0
        try:
            self.ask("qmp_capabilities")
        except Refused:
            pass  # from the second process on

    def ask(self, command, **arguments):
        """QEMU's answer; whatever else it says is an event, or for somebody who is gone."""
        self.number += 1
        number = f"{command} {id(self)} {self.number}"
        request = {"execute": command, "arguments": arguments, "id": number}
        self.port.write(json.dumps(request).encode() + b"\n")
        while True:
            line = b""
            while not line.endswith(b"\n"):
                line += self.port.read(4096)
            for answer in map(json.loads, line.splitlines()):
                if answer.get("id") != number:
                    continue
                if "error" in answer:
                    raise Refused(answer["error"]["desc"])
                return answer["return"]


def main():
    try:
        print(json.dumps(Monitor().ask(sys.argv[1], **json.loads("".join(sys.argv[2:3]) or "{}"))))
    except Refused as reason:
        sys.exit(f"qmp.py: {reason}")


if __name__ == "__main__":
    main()
