# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine under test, in QEMU:

  virt, SMMUv3, GICv3, EL2, GHES       -M, -cpu max: a Grace host's features, KVM included
  UEFI, ACPI                           firmware's tables plus our SSDT (acpi.py)
  slot 1  virtio-blk                   root image; what is written to it is forgotten
  slot 2  virtio-serial                egm.output: what the suite prints; egm.status: how it ended;
                                       egm.coverage: what modules counted of themselves;
                                       egm.qmp: this QEMU's monitor, if the description has qmp
  slot 5..31                           GPUs and other functions of the description
  hidden RAM                           carve-outs, and bytes that firmware is said to have put there

Console, status and everything fed to the machine stay in the run's directory for whoever asks why.
"""

import json
import os
import re
import selectors
import struct
import subprocess
import sys
import time

from . import host as description
from .cpio import Archive

FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"

COMMAND_LINE = (
    "console=ttyAMA0 nokaslr panic=-1 panic_on_warn=1 oops=panic softlockup_panic=1 "
    # Debian's default (120 s) would outlast most runs.
    "sysctl.kernel.hung_task_timeout_secs=60 sysctl.kernel.hung_task_panic=1"
)

BOOT = re.compile(r"Booting Linux on physical CPU")
FIRST_INSMOD = re.compile(r"egm: first insmod|loading out-of-tree module taints kernel")
COMPLAINT = re.compile(
    r"WARNING:|BUG:|\bOops|Call trace:|Unable to handle|rcu:.*(stall|detected)|soft lockup|"
    r"blocked for more than|possible (circular|recursive|irq) lock|inconsistent lock state|"
    r"suspicious RCU usage|bad unlock balance|held lock freed|lock held when returning")
# KCSAN finds the kernel's own races, too. They are not ours unless one of our functions is in a trace.
RACE = re.compile(r"^.*BUG: KCSAN: (?s:.*?)\n.*={60}.*$", re.MULTILINE)
OURS = re.compile(r"\[(nvgrace|egm)_\w+\]")


def initramfs(busybox, init, kernel=None, programs=None):
    """/init and the kernel's modules; `kernel` is its entry in the cache. A guest needs no modules, and
    may have a directory of programs."""
    archive = Archive()
    archive.file("bin/busybox", busybox.read_bytes(), executable=True)
    archive.file("init", init.read_bytes(), executable=True)
    if kernel:
        archive.tree(kernel / "lib" / "modules", "lib/modules")
    if programs:
        archive.tree(programs, "bin")
    return archive.bytes()


def ssdt_archive(aml):
    archive = Archive()
    archive.file("kernel/firmware/acpi/egm.aml", aml)
    return archive.bytes()


def add_description(archive, host):
    """host.json for the suite, and for init the ranges that it checks."""
    archive.file("egm/host.json", json.dumps(host, indent=1) + "\n")
    archive.file("egm/hidden", "".join(f"{first} {last} {whose}\n" for first, last, whose
                                       in description.hidden_ranges(host)))


def write_preset_bytes(host, directory):
    """The words of hidden RAM, for QEMU's loader."""
    for number, preset in enumerate(host["bytes"]):
        (directory / f"bytes-{number}").write_bytes(
            b"".join(struct.pack("<Q", word) for word in preset["u64"]))


def distances(nodes):
    """QEMU's options for them: all or none."""
    if all(node["near"] is None for node in nodes):
        return []
    options = []
    for second in range(len(nodes)):
        for first in range(second):
            near = nodes[first]["near"] == second or nodes[second]["near"] == first
            options += ["-numa", f"dist,src={first},dst={second},val={12 if near else 40}"]
    return options


def command(host, kernel, parameters, root_image, run, shell):
    """QEMU's command line; all paths as QEMU sees them, `run` being the run's directory. `parameters`:
    what the kernel wants on its own."""
    if shell and host["image"] == "full":
        parameters += " systemd.debug_shell=ttyAMA0 systemd.mask=serial-getty@ttyAMA0.service"
    line = [
        "qemu-system-aarch64", "-nodefaults", "-display", "none", "-no-reboot",
        "-cpu", host["cpu"], "-smp", f"{host['cpus']},sockets={host['cpus']}",
        "-m", f"{host['memory'] >> 20}M",
        "-bios", FIRMWARE, "-kernel", str(kernel), "-initrd", f"{run}/initrd",
        "-append",
        f"{COMMAND_LINE} {parameters} mem={host['visible'] >> 20}M {host['options']}",
        "-drive", f"if=none,id=root,format=raw,snapshot=on,file={root_image}",
        "-device", "virtio-blk-pci,addr=1,drive=root",
        "-device", "virtio-serial-pci,addr=2",
        "-device", "virtserialport,chardev=output,name=egm.output",
        "-device", "virtserialport,chardev=status,name=egm.status",
        "-chardev", f"file,id=status,path={run}/status",
        "-device", "virtserialport,chardev=coverage,name=egm.coverage",
        "-chardev", f"file,id=coverage,path={run}/coverage.tar",
    ]
    if shell:
        line += ["-chardev", f"stdio,id=console,mux=on,signal=off,logfile={run}/console.log",
                 "-mon", "chardev=console", "-chardev", "null,id=output"]
    else:
        line += ["-chardev", f"file,id=console,path={run}/console.log",
                 # Not stdio: at the end of its input, QEMU closes both directions.
                 "-chardev", "file,id=output,path=/dev/stdout,append=on"]
    line += ["-serial", "chardev:console"]
    if host["qmp"]:
        # Only `enter` sees this /tmp. The port is the one client that the monitor ever has.
        line += ["-chardev", "socket,id=monitor,path=/tmp/qmp,server=on,wait=off",
                 "-object", "monitor-qmp,id=control,chardev=monitor",
                 "-chardev", "socket,id=qmp,path=/tmp/qmp",
                 "-device", "virtserialport,chardev=qmp,name=egm.qmp"]

    machine = "virt,gic-version=3,virtualization=on,iommu=smmuv3,ras=on"
    ram = f"memory-backend-ram,prealloc={'on' if host['prealloc'] else 'off'}"
    if host["nodes"]:
        line += ["-M", machine]
        for number, node in enumerate(host["nodes"]):
            option = f"node,nodeid={number}"
            if node["memory"]:
                line += ["-object", f"{ram},id=node{number},size={node['memory'] >> 20}M"]
                option += f",memdev=node{number}"
            if node["cpus"]:
                option += f",cpus={node['cpus']}"
            line += ["-numa", option]
        line += distances(host["nodes"])
    else:
        line += ["-M", f"{machine},memory-backend=ram",
                 "-object", f"{ram},id=ram,size={host['memory'] >> 20}M"]

    line += host["qemu"]
    for function in host["gpus"] + host["devices"]:
        _, bus, slot = function["address"].split(":")
        place = f"addr={slot}"
        if function.get("port"):
            slot = function["port"].split(":")[2]
            line += ["-device", f"pcie-root-port,id=port{bus},chassis=0x{bus},addr={slot},"
                                "hotplug=off"]
            place = f"bus=port{bus}"
        line += ["-device", f"{function['device']},{place}"]
    for number, preset in enumerate(host["bytes"]):
        line += ["-device",
                 f"loader,file={run}/bytes-{number},addr={preset['at']:#x},force-raw=on"]
    return line


def run(line, seconds):
    """Runs QEMU, the suite's output passed on as it comes; True if it ended by itself in time."""
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0, deadline - time.monotonic())):
                process.kill()
                process.wait()
                return False
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                process.wait()
                return True
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


def _last(pattern, text):
    matches = re.findall(rf"^.*(?:{pattern}).*$", text, re.MULTILINE)
    return matches[-1].strip() if matches else None


def _without_foreign_races(console):
    """The console's text less the races of others; not where other words came between a report's lines."""
    return RACE.sub(lambda report: report[0] if OURS.search(report[0]) or len(COMPLAINT.findall(report[0])) > 1
                    else "", console)


def _complaint(console):
    """The first one after our first module, in any boot: a suite may reset the machine."""
    starts = [0, *(boot.start() for boot in BOOT.finditer(console)), len(console)]
    for start, end in zip(starts, starts[1:]):
        first = FIRST_INSMOD.search(console, start, end)
        complaint = first and COMPLAINT.search(console, first.start(), end)
        if complaint:
            return complaint
    return None


def verdict(console, status, in_time):
    """(exit status, message) of a run, from the console's text and what came over egm.status."""
    console = _without_foreign_races(console)
    panic = _last("Kernel panic - not syncing", console)
    if panic:
        why = _last(r"WARNING:|BUG:|Internal error:|Unable to handle", console)
        return 1, f"the host's kernel died: {panic}" + (f"; because of: {why}" if why else "")
    complaint = _complaint(console)
    if complaint:
        start = console.rfind("\n", 0, complaint.start()) + 1
        end = console.find("\n", complaint.end())
        return 1, f"the host's kernel complained: {console[start:end].strip()}"
    if not in_time:
        last = console.strip().rpartition("\n")[2].strip()
        return 1, f"hang: no answer in time; the console's last line: {last}"
    if status.startswith(("refused:", "init:")):
        return 1, status.strip()
    answer = re.fullmatch(r"exit ([0-9]+)\n", status)
    if not answer:
        return 1, "the machine stopped without an answer"
    code = int(answer[1])
    if code in (0, 77):
        return code, {0: "passed", 77: "skipped"}[code]
    return 1, f"the suite failed with exit status {code}"
