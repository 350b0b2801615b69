/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _NVGRACE_GPU_H
#define _NVGRACE_GPU_H

#include <linux/nvgrace-egm.h>
#include <linux/vfio_pci_core.h>

/**
 * struct egm_props - what firmware says of a GPU's EGM, as it stands there
 * @pxm: proximity domain of the socket's region
 * @base: physical address of the region
 * @size: bytes in the region
 * @retired_base: physical address of the table of retired pages, 0: none
 *
 * Nothing in it can be trusted before egm_range_valid() and
 * egm_range_free().
 */
struct egm_props {
	u64 pxm;
	u64 base;
	u64 size;
	u64 retired_base;
};

/**
 * enum egm_verdict - what became of a GPU's EGM, and why
 * @EGM_JOINED: the GPU belongs to its socket's region
 * @EGM_OFF_ABSENT: firmware offers none
 * @EGM_OFF_ZERO: firmware offers an empty one
 * @EGM_REFUSED_MALFORMED: a property is missing beside others, or no integer
 * @EGM_REFUSED_PXM: no proximity domain has this number
 * @EGM_REFUSED_WRAPS: base and size exceed 64 bits
 * @EGM_REFUSED_WIDTH: physical addresses have fewer bits
 * @EGM_REFUSED_KDUMP: in a kdump kernel the host's RAM does not look like RAM
 * @EGM_REFUSED_DISAGREES: another GPU of the socket says otherwise
 * @EGM_REFUSED_REGION: overlaps another socket's region
 * @EGM_REFUSED_SYSTEM_RAM: overlaps RAM that the host uses
 * @EGM_REFUSED_PCI: overlaps a PCI window
 * @EGM_REFUSED_GPU_MEMORY: overlaps the memory of a GPU
 * @EGM_REFUSED_RESERVED: overlaps what firmware or a device reserved
 * @EGM_REFUSED_UNALIGNED: not made of whole granules
 * @EGM_REFUSED_INTERNAL: the kernel could not create the device
 */
enum egm_verdict {
	EGM_JOINED,
	EGM_OFF_ABSENT,
	EGM_OFF_ZERO,
	EGM_REFUSED_MALFORMED,
	EGM_REFUSED_PXM,
	EGM_REFUSED_WRAPS,
	EGM_REFUSED_WIDTH,
	EGM_REFUSED_KDUMP,
	EGM_REFUSED_DISAGREES,
	EGM_REFUSED_REGION,
	EGM_REFUSED_SYSTEM_RAM,
	EGM_REFUSED_PCI,
	EGM_REFUSED_GPU_MEMORY,
	EGM_REFUSED_RESERVED,
	EGM_REFUSED_UNALIGNED,
	EGM_REFUSED_INTERNAL,
};

/**
 * struct nvgrace_gpu - a GPU bound to this driver
 * @core: the VFIO device; first, since vfio_alloc_device() demands it
 * @props: firmware's properties; fixed from probe on
 * @verdict: fixed from probe on
 * @egm: the region joined, or NULL
 * @egm_gpu: this GPU's entry in @egm
 */
struct nvgrace_gpu {
	struct vfio_pci_core_device core;
	struct egm_props props;
	enum egm_verdict verdict;
	struct nvgrace_egm_dev *egm;
	struct nvgrace_egm_gpu egm_gpu;
};

static inline struct nvgrace_gpu *pci_to_nvgrace_gpu(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct nvgrace_gpu, core);
}

static inline struct nvgrace_gpu *vfio_to_nvgrace_gpu(struct vfio_device *vdev)
{
	return container_of(vdev, struct nvgrace_gpu, core.vdev);
}

extern const struct vfio_device_ops nvgrace_gpu_vfio_ops;
extern const struct attribute_group *nvgrace_gpu_groups[];

enum egm_verdict egm_props_read(struct pci_dev *pdev, struct egm_props *props);
bool egm_props_gpu_memory(struct pci_dev *pdev, struct resource *memory);

enum egm_verdict egm_range_valid(struct pci_dev *pdev,
				 const struct egm_props *props);
enum egm_verdict egm_range_free(struct pci_dev *pdev,
				const struct egm_props *props);

int egm_dev_init(void);
void egm_dev_exit(void);
void egm_dev_join(struct nvgrace_gpu *gpu);
void egm_dev_leave(struct nvgrace_gpu *gpu);
void egm_dev_vfio_opened(struct nvgrace_gpu *gpu);
void egm_dev_vfio_closed(struct nvgrace_gpu *gpu);

#endif /* _NVGRACE_GPU_H */
