// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GPU as a VFIO device, in two personalities: with its memory, and without
 */
#include <linux/vfio_pci_core.h>

#include "nvgrace_gpu.h"

static int nvgrace_gpu_enable(struct nvgrace_gpu *gpu)
{
	int ret;

	/* Before the device can do DMA. */
	egm_host_gpu_opened(gpu);

	ret = vfio_pci_core_enable(&gpu->core);
	if (ret)
		egm_host_gpu_closed(gpu);
	return ret;
}

static int nvgrace_gpu_open_device(struct vfio_device *vdev)
{
	struct nvgrace_gpu *gpu = vfio_to_nvgrace_gpu(vdev);
	int ret;

	ret = nvgrace_gpu_enable(gpu);
	if (ret)
		return ret;

	gpu_bars_reset(&gpu->memory);
	ret = gpu_ready_open(gpu);
	if (ret)
		goto err_disable;
	ret = gpu_poison_start(gpu);
	if (ret)
		goto err_disable;
	vfio_pci_core_finish_enable(&gpu->core);

	return 0;

err_disable:
	vfio_pci_core_disable(&gpu->core);
	egm_host_gpu_closed(gpu);
	return ret;
}

static int nvgrace_gpu_core_open_device(struct vfio_device *vdev)
{
	struct nvgrace_gpu *gpu = vfio_to_nvgrace_gpu(vdev);
	int ret;

	ret = nvgrace_gpu_enable(gpu);
	if (ret)
		return ret;
	vfio_pci_core_finish_enable(&gpu->core);

	return 0;
}

static void nvgrace_gpu_core_close_device(struct vfio_device *vdev)
{
	vfio_pci_core_close_device(vdev);
	/* Only now is bus mastering off, and with it DMA. */
	egm_host_gpu_closed(vfio_to_nvgrace_gpu(vdev));
}

static void nvgrace_gpu_close_device(struct vfio_device *vdev)
{
	gpu_poison_stop(vfio_to_nvgrace_gpu(vdev));
	nvgrace_gpu_core_close_device(vdev);
}

static long nvgrace_gpu_ioctl(struct vfio_device *vdev, unsigned int cmd,
			      unsigned long arg)
{
	/* It would write to the real BAR of that number. */
	if (cmd == VFIO_DEVICE_IOEVENTFD)
		return -ENOTTY;
	return compat_vfio_pci_core_ioctl(vdev, cmd, arg, gpu_region_info);
}

/* A GPU that has slept without power is like one that was reset. */
static int nvgrace_gpu_feature(struct vfio_device *vdev, u32 flags,
			       void __user *arg, size_t argsz)
{
	int ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);

	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
	case VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
	case VFIO_DEVICE_FEATURE_LOW_POWER_EXIT:
		gpu_ready_reset(vfio_to_nvgrace_gpu(vdev));
	}
	return ret;
}

static ssize_t nvgrace_gpu_rw(struct nvgrace_gpu *gpu, struct gpu_part *part,
			      char __user *buf, size_t count, loff_t *ppos,
			      bool write)
{
	if (!count)
		return 0;
	if (part)
		return gpu_region_rw(gpu, part, buf, count, ppos, write);
	return gpu_config_rw(gpu, buf, count, ppos, write);
}

static ssize_t nvgrace_gpu_read(struct vfio_device *vdev, char __user *buf,
				size_t count, loff_t *ppos)
{
	struct nvgrace_gpu *gpu = vfio_to_nvgrace_gpu(vdev);
	u64 index = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	struct gpu_part *part = gpu_region_part(gpu, index);

	if (part || index == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvgrace_gpu_rw(gpu, part, buf, count, ppos, false);
	return vfio_pci_core_read(vdev, buf, count, ppos);
}

static ssize_t nvgrace_gpu_write(struct vfio_device *vdev,
				 const char __user *buf, size_t count,
				 loff_t *ppos)
{
	struct nvgrace_gpu *gpu = vfio_to_nvgrace_gpu(vdev);
	u64 index = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	struct gpu_part *part = gpu_region_part(gpu, index);

	if (part || index == VFIO_PCI_CONFIG_REGION_INDEX)
		return nvgrace_gpu_rw(gpu, part, (char __user *)buf, count, ppos,
				      true);
	return vfio_pci_core_write(vdev, buf, count, ppos);
}

static int nvgrace_gpu_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct nvgrace_gpu *gpu = vfio_to_nvgrace_gpu(vdev);
	struct gpu_part *part =
		gpu_region_part(gpu, vma->vm_pgoff >>
				     (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT));

	if (part)
		return gpu_mapping_add(gpu, part, vma);
	return vfio_pci_core_mmap(vdev, vma);
}

static int nvgrace_gpu_init_dev(struct vfio_device *vdev)
{
	int ret = vfio_pci_core_init_dev(vdev);

	if (!ret)
		nvgrace_gpu_device_made();
	return ret;
}

static void nvgrace_gpu_release_dev(struct vfio_device *vdev)
{
	vfio_pci_core_release_dev(vdev);
	nvgrace_gpu_device_freed();
}

const struct vfio_device_ops nvgrace_gpu_vfio_ops = {
	.name = "nvgrace-gpu-vfio-pci",
	.init = nvgrace_gpu_init_dev,
	.release = nvgrace_gpu_release_dev,
	.open_device = nvgrace_gpu_open_device,
	.close_device = nvgrace_gpu_close_device,
	.ioctl = nvgrace_gpu_ioctl,
	COMPAT_VFIO_REGION_INFO_OP(gpu_region_info)
	.device_feature = nvgrace_gpu_feature,
	.read = nvgrace_gpu_read,
	.write = nvgrace_gpu_write,
	.mmap = nvgrace_gpu_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	COMPAT_VFIO_MATCH_TOKEN_OP
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
	COMPAT_VFIO_PASID_OPS
};

/* Firmware names no memory that can be handed out: all that vfio-pci can do. */
const struct vfio_device_ops nvgrace_gpu_core_vfio_ops = {
	.name = "nvgrace-gpu-vfio-pci-core",
	.init = nvgrace_gpu_init_dev,
	.release = nvgrace_gpu_release_dev,
	.open_device = nvgrace_gpu_core_open_device,
	.close_device = nvgrace_gpu_core_close_device,
	.ioctl = vfio_pci_core_ioctl,
	COMPAT_VFIO_REGION_INFO_OP(vfio_pci_ioctl_get_region_info)
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
	COMPAT_VFIO_PASID_OPS
};
