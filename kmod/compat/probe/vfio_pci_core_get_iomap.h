/* SPDX-License-Identifier: GPL-2.0-only */
/* 7.2: BARs are mapped while the device is open */
#include <linux/vfio_pci_core.h>

static inline void __iomem *probe(struct vfio_pci_core_device *core)
{
	return (vfio_pci_core_get_iomap)(core, 0);
}
