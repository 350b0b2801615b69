// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GPU as a VFIO device
 */
#include <linux/vfio_pci_core.h>

#include "nvgrace_gpu.h"

static int nvgrace_gpu_open_device(struct vfio_device *vdev)
{
	struct nvgrace_gpu *gpu = vfio_to_nvgrace_gpu(vdev);
	int ret;

	/* Before the device can do DMA. */
	egm_dev_vfio_opened(gpu);

	ret = vfio_pci_core_enable(&gpu->core);
	if (ret) {
		egm_dev_vfio_closed(gpu);
		return ret;
	}
	vfio_pci_core_finish_enable(&gpu->core);

	return 0;
}

static void nvgrace_gpu_close_device(struct vfio_device *vdev)
{
	vfio_pci_core_close_device(vdev);
	/* Only now is bus mastering off, and with it DMA. */
	egm_dev_vfio_closed(vfio_to_nvgrace_gpu(vdev));
}

const struct vfio_device_ops nvgrace_gpu_vfio_ops = {
	.name = "nvgrace-gpu-vfio-pci",
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = nvgrace_gpu_open_device,
	.close_device = nvgrace_gpu_close_device,
	.ioctl = vfio_pci_core_ioctl,
	COMPAT_VFIO_REGION_INFO_OP
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	COMPAT_VFIO_MATCH_TOKEN_OP
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};
