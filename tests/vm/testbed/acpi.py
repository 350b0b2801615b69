# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware's word about the GPUs: an SSDT that adds _DSD properties to QEMU's own PCI devices.

  \\_SB.PCI0.S28          made by QEMU: slot 5, function 0 of the root bus (devfn 0x28)
    Name (_DSD, ...)     added here: nvidia,egm-base-pa and its siblings

Linux takes it from the front of the initramfs (kernel/firmware/acpi/*.aml, uncompressed), before it
looks at the bus.
"""

DEVICE_PROPERTIES = "daffd814-6eba-4d8c-8a91-bc9bbf4aa301"


def scope(address, port=None):
    """0000:00:05.0 -> \\_SB.PCI0.S28; 0000:01:00.0 behind a root port there -> \\_SB.PCI0.S28.S00"""
    slot, function = address.split(":")[2].split(".")
    parent = scope(port) if port else "\\_SB.PCI0"
    return f"{parent}.S{int(slot, 16) << 3 | int(function):02X}"


def sysfs_path(address, port=None):
    """The same as the kernel prints it: \\_SB_.PCI0.S28_"""
    return "\\" + ".".join(part.ljust(4, "_") for part in scope(address, port)[1:].split("."))


def _literal(value):
    return value["asl"] if isinstance(value, dict) else f"{value:#x}"


def ssdt(host):
    """ASL source."""
    lines = ['DefinitionBlock ("", "SSDT", 2, "EGM", "GPUS", 1)', "{"]
    for gpu in host["gpus"]:
        if not gpu["properties"]:
            continue
        name = scope(gpu["address"], gpu["port"])
        lines += [
            f"    External ({name}, DeviceObj)",
            f"    Scope ({name})",
            "    {",
            "        Name (_DSD, Package ()",
            "        {",
            f'            ToUUID ("{DEVICE_PROPERTIES}"),',
            "            Package ()",
            "            {",
        ]
        lines += [f'                Package () {{ "{key}", {_literal(value)} }},'
                  for key, value in gpu["properties"].items()]
        lines += ["            }", "        })", "    }"]
    return "\n".join(lines + ["}", ""])
