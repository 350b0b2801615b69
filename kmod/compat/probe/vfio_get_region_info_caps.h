/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.19: VFIO asks for region info through an operation of its own, not ioctl */
#include <linux/vfio_pci_core.h>

static const struct vfio_device_ops probe __maybe_unused = {
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
};
