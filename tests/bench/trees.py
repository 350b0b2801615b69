# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees that look like hosts, for programs with --sysroot."""

from pathlib import Path

BLOCK_SIZE = 128 << 20
REGION_SIZE = 0x6f_c000_0000


def _write(directory, attributes):
    directory.mkdir(parents=True)
    for name, value in attributes.items():
        (directory / name).write_text(f"{value}\n", encoding="utf-8")


def _link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def _region(root, number):
    """A region with its one GPU."""
    name, address = f"egm{number}", f"{number:04x}:01:00.0"
    base = number << 44
    _write(root / "sys/devices/virtual/egm" / name, {
        "egm_size": hex(REGION_SIZE), "base": hex(base), "pxm": number, "numa_node": number,
        "dev": f"240:{number}", "state": "idle", "abi_version": 1, "mapping_size": 512 << 20,
        "cleared_bytes": REGION_SIZE, "clear_time_ms": 1612, "poison": "supported",
        "poison_count": 0, "retired_count": 0, "gpu_devices": address})
    pci = root / "sys/devices/pci" / address
    _write(pci, {"vendor": "0x10de", "class": "0x030200", "numa_node": number})
    _write(pci / "egm", {"status": "joined", "reason": "none", "pxm": number,
                         "size": hex(REGION_SIZE), "base": hex(base)})
    (pci / "vfio-dev" / f"vfio{number}").mkdir(parents=True)
    (root / f"sys/kernel/iommu_groups/{number}").mkdir(parents=True)
    _link(pci / "driver", "../../../bus/pci/drivers/nvgrace_gpu_vfio_pci")
    _link(pci / "iommu_group", f"../../../kernel/iommu_groups/{number}")
    _link(root / "sys/class/egm" / name, f"../../devices/virtual/egm/{name}")
    _link(root / "sys/devices/virtual/egm" / name / address, f"../../../pci/{address}")
    _link(root / "sys/bus/pci/devices" / address, f"../../../devices/pci/{address}")
    _link(root / "sys/bus/pci/drivers/nvgrace_gpu_vfio_pci" / address,
          f"../../../../devices/pci/{address}")


def host(root: Path, regions, blocks=0):
    """A host with so many regions and so many blocks of memory of its own."""
    for number in range(regions):
        _region(root, number)
    _write(root / "sys/devices/system/memory", {"block_size_bytes": f"{BLOCK_SIZE:x}"})
    for number in range(blocks):
        _write(root / f"sys/devices/system/memory/memory{number}", {
            "state": "online", "removable": 1, "phys_index": f"{number:08x}",
            "phys_device": 0, "valid_zones": "Normal"})
