#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks the QEMU around this host: qmp.py COMMAND [ARGUMENTS as JSON], the answer as JSON on stdout.

The host's description must have qmp = true. Exit status 1 and QEMU's words if it refuses.
"""

import json
import sys
from pathlib import Path


def port():
    for name in Path("/sys/class/virtio-ports").glob("*/name"):
        if name.read_text().strip() == "egm.qmp":
            return open(f"/dev/{name.parent.name}", "r+b", buffering=0)
    sys.exit("qmp.py: this host has no port egm.qmp")


def ask(monitor, command, arguments):
    """QEMU's answer; whatever else it says before is an event, or for somebody who is gone."""
    number = f"{command} {id(monitor)}"
    request = {"execute": command, "arguments": arguments, "id": number}
    monitor.write(json.dumps(request).encode() + b"\n")
    line = b""
    while True:
        byte = monitor.read(1)
        if byte != b"\n":
            line += byte
            continue
        answer = json.loads(line)
        line = b""
        if answer.get("id") == number:
            return answer


with port() as qemu:
    ask(qemu, "qmp_capabilities", {})  # refused from the second time on
    reply = ask(qemu, sys.argv[1], json.loads("".join(sys.argv[2:3]) or "{}"))
if "error" in reply:
    sys.exit(f"qmp.py: {reply['error']['desc']}")
print(json.dumps(reply["return"]))
