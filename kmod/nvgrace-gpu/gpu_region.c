// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU memory as VFIO regions: what they are, and read() and write()
 */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "nvgrace_gpu.h"

/* Mapped at a time, and each time anew: nothing to keep, and nothing to share */
#define GPU_REGION_WINDOW	SZ_2M

/**
 * gpu_region_part - find the part of a GPU's memory that is a region
 * @gpu: the GPU
 * @index: number of the region
 *
 * Return: the part, or NULL: vfio-pci-core has that region.
 */
struct gpu_part *gpu_region_part(struct nvgrace_gpu *gpu, u64 index)
{
	struct gpu_part *part;

	switch (index) {
	case VFIO_PCI_BAR2_REGION_INDEX:
		part = &gpu->memory.reserved;
		break;
	case VFIO_PCI_BAR4_REGION_INDEX:
		part = &gpu->memory.usable;
		break;
	default:
		return NULL;
	}
	return part->length ? part : NULL;
}

/**
 * gpu_region_info - tell of a region
 * @vdev: the VFIO device
 * @info: names the region; filled in
 * @caps: gets what can be mapped: less than the region has, as its size is a BAR's
 *
 * Return: 0 or a negative errno.
 */
int gpu_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
		    struct vfio_info_cap *caps)
{
	struct gpu_part *part =
		gpu_region_part(vfio_to_nvgrace_gpu(vdev), info->index);
	DEFINE_RAW_FLEX(struct vfio_region_info_cap_sparse_mmap, sparse, areas, 1);

	if (!part)
		return vfio_pci_ioctl_get_region_info(vdev, info, caps);

	info->offset = VFIO_PCI_INDEX_TO_OFFSET(info->index);
	info->size = part->bar_size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP;

	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].offset = 0;
	sparse->areas[0].size = part->length;
	return vfio_info_add_capability(caps, &sparse->header,
					struct_size(sparse, areas, 1));
}

/* One look at the memory: neither user pages nor anything else that faults */
static int gpu_region_copy(struct nvgrace_gpu *gpu, void *memory, void *bounce,
			   size_t count, bool write)
{
	int ret;

	ret = gpu_ready_lock(gpu, true);
	if (ret)
		return ret == -EINTR ? ret : -EIO;
	if (write)
		memcpy(memory, bounce, count);
	else
		memcpy(bounce, memory, count);
	up_read(&gpu->core.memory_lock);
	return 0;
}

/*
 * Through a page of the kernel's: with memory_lock held, a fault on the user's side,
 * which may be a mapping of the very same memory, would wait for itself.
 */
static ssize_t gpu_region_window(struct nvgrace_gpu *gpu, struct gpu_part *part,
				 char __user *buf, u64 offset, size_t count,
				 void *bounce, bool write)
{
	/* As mmap() maps the parts: two attributes at a time are undefined. */
	unsigned long attribute = part == &gpu->memory.usable ? MEMREMAP_WB :
								MEMREMAP_WC;
	size_t done = 0;
	void *window;
	int ret = 0;

	window = memremap(part->base + offset, count, attribute);
	if (!window)
		return -ENOMEM;

	while (!ret && done < count) {
		size_t next = min(count - done, PAGE_SIZE);

		if (write && copy_from_user(bounce, buf + done, next))
			ret = -EFAULT;
		if (!ret)
			ret = gpu_region_copy(gpu, window + done, bounce, next,
					      write);
		if (!ret && !write && copy_to_user(buf + done, bounce, next))
			ret = -EFAULT;
		if (!ret)
			done += next;
	}

	memunmap(window);
	return done ?: ret;
}

/* Between the end of the memory and that of the BAR: ones, and room for nothing */
static ssize_t gpu_region_nothing(char __user *buf, size_t count, void *bounce,
				  bool write)
{
	count = min(count, PAGE_SIZE);
	if (write)
		return count;

	memset(bounce, 0xff, count);
	return copy_to_user(buf, bounce, count) ? -EFAULT : count;
}

static ssize_t gpu_region_rw_awake(struct nvgrace_gpu *gpu, struct gpu_part *part,
				   char __user *buf, size_t count, loff_t *ppos,
				   bool write)
{
	u64 offset = *ppos & VFIO_PCI_OFFSET_MASK;
	size_t done = 0;
	ssize_t ret = 0;
	void *bounce;
	u64 backed;

	count = gpu_layout_clip(part, offset, count, &backed);
	if (!count)
		return -EINVAL;

	bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;

	while (done < count) {
		ret = -EINTR;
		if (fatal_signal_pending(current))
			break;
		cond_resched();

		if (done < backed)
			ret = gpu_region_window(gpu, part, buf + done,
						offset + done,
						min_t(u64, backed - done,
						      GPU_REGION_WINDOW),
						bounce, write);
		else
			ret = gpu_region_nothing(buf + done, count - done,
						 bounce, write);
		if (ret < 0)
			break;
		done += ret;
	}

	kfree(bounce);
	*ppos += done;
	return done ?: ret;
}

/**
 * gpu_region_rw - read or write GPU memory
 * @gpu: the GPU, open
 * @part: the part that the region is
 * @buf: where the bytes go to or come from
 * @count: how many, not 0
 * @ppos: position in the VFIO device's file; advanced by what is returned
 * @write: whether to write
 *
 * Return: bytes read or written, -EINVAL behind the region, -EIO if the memory is
 * off or the GPU not ready, or another negative errno.
 */
ssize_t gpu_region_rw(struct nvgrace_gpu *gpu, struct gpu_part *part,
		      char __user *buf, size_t count, loff_t *ppos, bool write)
{
	struct device *dev = &gpu->core.pdev->dev;
	ssize_t ret;

	if (pm_runtime_resume_and_get(dev))
		return -EIO;
	ret = gpu_region_rw_awake(gpu, part, buf, count, ppos, write);
	pm_runtime_put(dev);
	return ret;
}
