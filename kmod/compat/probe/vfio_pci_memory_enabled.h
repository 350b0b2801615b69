/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.19: drivers may ask whether memory is on */
#include <linux/vfio_pci_core.h>

static bool (*probe)(struct vfio_pci_core_device *core) __maybe_unused =
	__vfio_pci_memory_enabled;
