// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU memory as dma-bufs: what other devices reach, by physical address
 */
#include <linux/pci-p2pdma.h>

#include "nvgrace_gpu.h"

static int gpu_dmabuf_phys(struct vfio_pci_core_device *core,
			   struct p2pdma_provider **provider,
			   unsigned int region, struct phys_vec *phys,
			   struct vfio_region_dma_range *ranges, size_t nr_ranges)
{
	struct nvgrace_gpu *gpu = container_of(core, struct nvgrace_gpu, core);
	struct gpu_part *part = gpu_region_part(gpu, region);

	if (!part)
		return vfio_pci_core_get_dmabuf_phys(core, provider, region, phys,
						     ranges, nr_ranges);

	/* The memory is in no BAR of the device, and goes by one that it has. */
	*provider = pcim_p2pdma_provider(core->pdev, 0);
	if (!*provider)
		return -EINVAL;
	return vfio_pci_core_fill_phys_vec(phys, ranges, nr_ranges, part->base,
					   part->length);
}

/* Also for a GPU without memory: it has regions of vfio-pci-core's only. */
const struct vfio_pci_device_ops gpu_dmabuf_ops = {
	.get_dmabuf_phys = gpu_dmabuf_phys,
};
