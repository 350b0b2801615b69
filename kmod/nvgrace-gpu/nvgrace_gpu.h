/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _NVGRACE_GPU_H
#define _NVGRACE_GPU_H

#include <linux/atomic.h>
#include <linux/memory-failure.h>
#include <linux/nvgrace-egm.h>
#include <linux/vfio_pci_core.h>

#include "gpu_memory.h"

/**
 * struct fw_range - a range of physical addresses that firmware names
 * @what: what it is, for the log
 * @properties: where firmware names it, for the log
 * @ram_means: what it may mean if the range is RAM, for the log
 * @base: physical address
 * @size: bytes
 * @gpu_memory: it is the memory of the GPU that names it
 */
struct fw_range {
	const char *what;
	const char *properties;
	const char *ram_means;
	u64 base;
	u64 size;
	bool gpu_memory;
};

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
 * struct gpu_poison - a part of a GPU's memory, known to the memory-failure code
 * @space: what that code asks
 * @registered: whether it does
 */
struct gpu_poison {
	struct pfn_address_space space;
	bool registered;
};

/**
 * struct nvgrace_gpu - a GPU bound to this driver
 * @core: the VFIO device; first, since vfio_alloc_device() demands it
 * @memory: the GPU's memory, if it has any
 * @bar0: where a GPU with memory that is no CXL device says whether it is ready;
 *	mapped during probe and while open
 * @cxl_dvsec: where a CXL device says so, in config space; 0: it is none
 * @resets: of the GPU so far
 * @ready_resets: the GPU was seen ready after so many; equal to @resets: it still is
 * @poison: one for each part of @memory
 * @props: firmware's properties; fixed from probe on
 * @verdict: fixed from probe on
 * @egm_gpu: what the driver of the memory knows of the GPU, its region among it
 * @drain_node: what egm_host.c has of the GPU, as the rest
 * @opened_by: who opened the GPU last while nobody had it open, or NULL
 * @open: the GPU is open through VFIO
 * @claimed: nobody else may have its IOMMU group
 */
struct nvgrace_gpu {
	struct vfio_pci_core_device core;
	struct gpu_memory memory;
	void __iomem *bar0;
	u16 cxl_dvsec;
	atomic_t resets;
	int ready_resets;
	struct gpu_poison poison[2];
	struct egm_props props;
	enum egm_verdict verdict;
	struct nvgrace_egm_gpu egm_gpu;
	struct list_head drain_node;
	struct pid *opened_by;
	bool open;
	bool claimed;
};

static inline struct nvgrace_gpu *pci_to_nvgrace_gpu(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct nvgrace_gpu, core);
}

static inline struct nvgrace_gpu *vfio_to_nvgrace_gpu(struct vfio_device *vdev)
{
	return container_of(vdev, struct nvgrace_gpu, core.vdev);
}

/* main.c */
void nvgrace_gpu_device_made(void);
void nvgrace_gpu_device_freed(void);

/* vfio_dev.c */
extern const struct vfio_device_ops nvgrace_gpu_vfio_ops;
extern const struct vfio_device_ops nvgrace_gpu_core_vfio_ops;

/* gpu_memory.c */
bool gpu_memory_find(struct pci_dev *pdev, struct gpu_memory *memory);

/* gpu_ready.c */
u16 gpu_ready_cxl_dvsec(struct pci_dev *pdev);
int gpu_ready_probe(struct nvgrace_gpu *gpu);
int gpu_ready_open(struct nvgrace_gpu *gpu);
void gpu_ready_reset(struct nvgrace_gpu *gpu);
int gpu_ready_lock(struct nvgrace_gpu *gpu, bool awake);

/* gpu_config.c */
ssize_t gpu_config_rw(struct nvgrace_gpu *gpu, char __user *buf, size_t count,
		      loff_t *ppos, bool write);

/* gpu_region.c */
struct gpu_part *gpu_region_part(struct nvgrace_gpu *gpu, u64 index);
int gpu_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		    struct vfio_info_cap *caps);
ssize_t gpu_region_rw(struct nvgrace_gpu *gpu, struct gpu_part *part,
		      char __user *buf, size_t count, loff_t *ppos, bool write);

/* gpu_mapping.c */
int gpu_mapping_add(struct nvgrace_gpu *gpu, struct gpu_part *part,
		    struct vm_area_struct *vma);
int gpu_mapping_find(struct vm_area_struct *vma, unsigned long pfn,
		     pgoff_t *pgoff);

/* gpu_poison.c */
int gpu_poison_start(struct nvgrace_gpu *gpu);
void gpu_poison_stop(struct nvgrace_gpu *gpu);

/* gpu_dmabuf.c */
extern const struct vfio_pci_device_ops gpu_dmabuf_ops;

/* fw_range.c */
enum egm_verdict fw_range_valid(struct pci_dev *pdev,
				const struct fw_range *range);
enum egm_verdict fw_range_free(struct pci_dev *pdev,
			       const struct fw_range *range);

/* egm_props.c */
enum egm_verdict egm_props_read(struct pci_dev *pdev, struct egm_props *props);
int egm_props_gpu_memory(struct pci_dev *pdev, u64 *base, u64 *size);

/* egm_range.c */
struct fw_range egm_range(const struct egm_props *props);
enum egm_verdict egm_range_valid(struct pci_dev *pdev,
				 const struct egm_props *props);
enum egm_verdict egm_range_free(struct pci_dev *pdev,
				const struct egm_props *props);

/* egm_dev.c */
int egm_dev_init(void);
void egm_dev_exit(void);
void egm_dev_join(struct nvgrace_gpu *gpu);
void egm_dev_leave(struct nvgrace_gpu *gpu);
bool egm_dev_overlaps(struct pci_dev *pdev, const struct fw_range *range);

/* egm_host.c */
extern struct nvgrace_egm_host egm_host;
void egm_host_add_gpu(struct nvgrace_gpu *gpu);
void egm_host_del_gpu(struct nvgrace_gpu *gpu);
void egm_host_tell(struct nvgrace_gpu *gpu, enum nvgrace_egm_event event);
void egm_host_gpu_opened(struct nvgrace_gpu *gpu);
void egm_host_gpu_closed(struct nvgrace_gpu *gpu);
void egm_host_exit(void);

/* egm_sysfs.c */
extern const struct attribute_group *nvgrace_gpu_groups[];

#endif /* _NVGRACE_GPU_H */
