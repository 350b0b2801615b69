/* SPDX-License-Identifier: GPL-2.0-only */
/* After 6.12: a device can be attached for one process address space */
#include <linux/vfio_pci_core.h>

static const struct vfio_device_ops probe __maybe_unused = {
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
};
