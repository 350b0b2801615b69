# SPDX-License-Identifier: GPL-2.0-or-later
"""A host description (tests/vm/hosts/*.toml) made explicit.

RAM of the machine under test, from below:

  RAM_BASE           hidden                                                      end
     |<-- visible --->|<- carve-outs ->|<- retired tables ->|<- firmware, kernel ->|
     |  mem=: System  |  egm4, egm5,   |  one 64 KiB block  |  they settle near     |
     |  RAM           |  GPU memory    |  each              |  the end of RAM       |

Where the kernel has some memory of a section, all of the section has struct pages. A section has
512 MiB with 64 KiB pages: a carve-out shares none with visible memory, nor the last one with
firmware and the kernel, unless struct_pages = true.

Keys of a description (amounts: 512 or "512M"; addresses: numbers or sums such as
"hidden+2M", "egm4.end", "egm4+0x10000", "ram", "end"):

  like                   another description, which this one replaces keys of
  memory, visible        amounts of RAM: all of it, and what the kernel is told of
  prealloc               true: RAM is all there at power-on, at seconds a machine, for suites that
                         measure: the first touch of lazily given memory takes much longer than the next
  cpus, cpu              QEMU's -smp (2) and -cpu (max)
  options                more of the kernel's command line
  image                  what the host's disk is: "host" (default), or "full": Debian as it is installed,
                         booted by systemd, where what is written stays until the machine is off
  guest                  a kernel of kernels.txt for KVM guests inside: /egm/guest
  qemu                   more of QEMU's command line: a list of words
  qmp                    true: suites can speak to the machine's own QEMU (lib/qmp.py)
  [[node]]               a NUMA node: memory = amount, cpus = "0-1" (both may be absent); near = N:
                         node N is nearer than the others
  [[socket]]             pxm, base, size: a carve-out; overlap = true where it is meant to meet
                         memory that the kernel uses (else the harness refuses to go on);
                         struct_pages = true: it may share a section with such memory
    retired              {pages = [...], count = N, at = address}: the table of retired pages.
                         Without pages nothing is written, and `at` is just what the property
                         says; without `at` it lies behind the carve-outs. A page is an address,
                         "base+0x10000" being inside this carve-out, or {from = ..., step = ...,
                         number = N}.
    [[socket.gpu]]       a GPU of this socket (below)
  [[gpu]]                a GPU that no socket lends its properties to
  [[device]]             a PCI function that is no GPU: device = "edu"
  [[bytes]]              words found in RAM at boot: at = address, u64 = [...]

A GPU: device = QEMU's name and options ("bochs-display"), port = true: behind a root port of its own,
where it can be reset, memory = {base, size}: its own memory, properties = {"nvidia,egm-pxm" = number, sum, or {asl = 'literal'}}, omit = ["nvidia,egm-size"],
overlap as above. Every table may carry `name` and `expect`, which only the suite reads.
"""

import re
import tomllib

from . import Failure, acpi

RAM_BASE = 0x4000_0000  # QEMU's virt machine
TABLE_SPACE = 0x1_0000
SECTION = 512 << 20
FIRST_SLOT = 5  # the lower ones of the root bus are the testbed's own
LAST_SLOT = 31

EGM_BASE = "nvidia,egm-base-pa"
EGM_SIZE = "nvidia,egm-size"
EGM_PXM = "nvidia,egm-pxm"
EGM_RETIRED = "nvidia,egm-retired-pages-data-base"
GPU_BASE = "nvidia,gpu-mem-base-pa"
GPU_SIZE = "nvidia,gpu-mem-size"


class DescriptionError(Failure):
    """A description that makes no sense."""


def _number(text):
    """512, 0x200 or 512M."""
    match = re.fullmatch(r"(0x[0-9a-fA-F_]+|[0-9_]+)([KMGT]?)", text)
    if not match:
        raise DescriptionError(f"neither a number nor a known place: {text!r}")
    return int(match[1], 0) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2]]


def evaluate(value, places):
    """A number as it is; a string as a sum of numbers and of names in `places`."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise DescriptionError(f"neither a number nor a sum: {value!r}")
    if isinstance(value, int):
        return value
    total = 0
    terms = re.split(r"([+-])", value.replace(" ", ""))
    for sign, term in zip(["+"] + terms[1::2], terms[0::2]):
        amount = places[term] if term in places else _number(term)
        total += amount if sign == "+" else -amount
    return total


def _check_keys(table, known, what):
    unknown = set(table) - set(known) - {"name", "expect"}
    if unknown:
        raise DescriptionError(f"{what}: unknown key {', '.join(sorted(unknown))}")


def _labels(table):
    return {key: table[key] for key in ("name", "expect") if key in table}


def _pages(entries, places):
    pages = []
    for entry in entries:
        if isinstance(entry, dict):
            _check_keys(entry, ("from", "step", "number"), "pages")
            first, step = (evaluate(entry[key], places) for key in ("from", "step"))
            pages += [first + step * i for i in range(entry["number"])]
        else:
            pages.append(evaluate(entry, places))
    return pages


class _Expansion:
    def __init__(self, name, description):
        _check_keys(description, ("memory", "visible", "prealloc", "cpus", "cpu", "options",
                                  "image", "guest", "qemu", "qmp", "node", "socket", "gpu",
                                  "device", "bytes"), name)
        self.memory = evaluate(description["memory"], {})
        visible = evaluate(description["visible"], {})
        self.places = {
            "ram": RAM_BASE,
            "hidden": RAM_BASE + visible,
            "end": RAM_BASE + self.memory,
        }
        self.slot = FIRST_SLOT
        self.ports = 0
        self.bytes = []
        self.gpus = []
        self.sockets = [self._socket(table) for table in description.get("socket", [])]
        self.table_place = max((s["base"] + s["size"] for s in self.sockets if not s["overlap"]),
                               default=self.places["hidden"])
        for socket, table in zip(self.sockets, description.get("socket", [])):
            socket["retired"] = self._retired(socket, table)
        # After all places are known, whatever the order in the file.
        for socket, table in zip(self.sockets, description.get("socket", [])):
            for gpu in table.get("gpu", []):
                self._gpu(gpu, socket)
        for gpu in description.get("gpu", []):
            self._gpu(gpu, None)
        devices = []
        for table in description.get("device", []):
            _check_keys(table, ("device",), "device")
            devices.append({"address": self._address(), "device": table["device"]} | _labels(table))
        for table in description.get("bytes", []):
            _check_keys(table, ("at", "u64"), "bytes")
            self._preset(evaluate(table["at"], self.places),
                         [evaluate(word, self.places) for word in table["u64"]])
        self.host = {
            "name": name,
            "memory": self.memory,
            "visible": visible,
            "hidden": self.places["hidden"],
            "prealloc": description.get("prealloc", False),
            "cpus": description.get("cpus", 2),
            "cpu": description.get("cpu", "max"),
            "options": description.get("options", ""),
            "image": description.get("image", "host"),
            "guest": description.get("guest"),
            "qemu": description.get("qemu", []),
            "qmp": description.get("qmp", False),
            "nodes": self._nodes(description.get("node", [])),
            "sockets": self.sockets,
            "gpus": self.gpus,
            "devices": devices,
            "bytes": self.bytes,
        }

    def _nodes(self, tables):
        nodes = []
        for table in tables:
            _check_keys(table, ("memory", "cpus", "near"), "node")
            nodes.append({"memory": evaluate(table.get("memory", 0), {}),
                          "cpus": table.get("cpus"), "near": table.get("near")})
        if nodes and sum(node["memory"] for node in nodes) != self.memory:
            raise DescriptionError("the nodes' memory does not add up to the machine's")
        return nodes

    def _address(self):
        if self.slot > LAST_SLOT:
            raise DescriptionError(f"more PCI functions than slots {FIRST_SLOT}..{LAST_SLOT}")
        address = f"0000:00:{self.slot:02x}.0"
        self.slot += 1
        return address

    def _preset(self, at, words):
        if at < self.places["hidden"] or at + 8 * len(words) > self.places["end"]:
            raise DescriptionError(f"bytes at {at:#x} would not lie in hidden RAM")
        self.bytes.append({"at": at, "u64": words})

    def _socket(self, table):
        _check_keys(table, ("pxm", "base", "size", "overlap", "struct_pages", "retired", "gpu"),
                    "socket")
        base = evaluate(table["base"], self.places)
        size = evaluate(table["size"], self.places)
        self.places[f"egm{table['pxm']}"] = base
        self.places[f"egm{table['pxm']}.end"] = base + size
        overlap = table.get("overlap", False)
        if not overlap and not table.get("struct_pages", False) and (
                base < -(-self.places["hidden"] // SECTION) * SECTION
                or base + size > self.places["end"] - SECTION):
            raise DescriptionError(f"egm{table['pxm']} shares a section of 512M with memory that "
                                   "the kernel uses; if that is meant: struct_pages = true")
        return {"pxm": table["pxm"], "base": base, "size": size,
                "overlap": overlap} | _labels(table)

    def _retired(self, socket, table):
        if "retired" not in table:
            return None
        retired = table["retired"]
        _check_keys(retired, ("pages", "count", "at"), "retired")
        places = self.places | {"base": socket["base"]}
        if "at" in retired:
            at = evaluate(retired["at"], places)
        else:
            at = self.table_place
            self.table_place += TABLE_SPACE
        if "pages" not in retired:
            return {"address": at, "pages": None}
        pages = _pages(retired["pages"], places)
        count = evaluate(retired.get("count", len(pages)), places)
        self._preset(at, [count] + pages)
        return {"address": at, "pages": pages}

    def _gpu(self, table, socket):
        _check_keys(table, ("device", "port", "memory", "properties", "omit", "overlap"), "gpu")
        properties = {}
        if "memory" in table:
            properties[GPU_BASE] = evaluate(table["memory"]["base"], self.places)
            properties[GPU_SIZE] = evaluate(table["memory"]["size"], self.places)
        if socket:
            properties |= {EGM_BASE: socket["base"], EGM_SIZE: socket["size"],
                           EGM_PXM: socket["pxm"]}
            if socket["retired"]:
                properties[EGM_RETIRED] = socket["retired"]["address"]
        for key, value in table.get("properties", {}).items():
            properties[key] = value if isinstance(value, dict) else evaluate(value, self.places)
        for key in table.get("omit", []):
            del properties[key]
        address, port = self._address(), None
        if table.get("port", False):
            # Firmware numbers the buses behind ports in the order of the slots.
            self.ports += 1
            address, port = f"0000:{self.ports:02x}:00.0", address
        self.gpus.append({
            "address": address,
            "port": port,
            "acpi": acpi.sysfs_path(address, port),
            "device": table.get("device", "bochs-display"),
            "socket": socket["pxm"] if socket else None,
            "properties": properties,
            "overlap": table.get("overlap", False) or bool(socket and socket["overlap"]),
        } | _labels(table))


def load(path):
    """The description at `path`, every place and property a number."""
    try:
        description = tomllib.loads(path.read_text())
        if like := description.pop("like", None):
            description = tomllib.loads(path.with_stem(like).read_text()) | description
        return _Expansion(path.stem, description).host
    except (DescriptionError, tomllib.TOMLDecodeError) as error:
        raise DescriptionError(f"{path.name}: {error}") from error
    except KeyError as error:
        raise DescriptionError(f"{path.name}: {error} is missing") from error


def hidden_ranges(host):
    """(first, last, whose) of all memory that the kernel must not know of."""
    for gpu in host["gpus"]:
        properties = gpu["properties"]
        for base_name, size_name in ((EGM_BASE, EGM_SIZE), (GPU_BASE, GPU_SIZE)):
            base, size = properties.get(base_name), properties.get(size_name)
            if gpu["overlap"] or not isinstance(base, int) or not isinstance(size, int) or not size:
                continue
            # Above 2^56 nothing is addressable, and the shell that compares has signed numbers.
            if base < 1 << 56:
                yield base, min(base + size - 1, (1 << 56) - 1), f"{gpu['address']} {base_name}"
