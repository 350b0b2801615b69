/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.19: regions can be exported as dma-bufs */
#include <linux/vfio_pci_core.h>

static const struct vfio_pci_device_ops probe __maybe_unused = {
	.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
};
