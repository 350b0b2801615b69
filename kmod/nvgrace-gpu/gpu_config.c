// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of a GPU with memory: the device's own, with the BARs of its memory
 */
#include <linux/minmax.h>
#include <linux/uaccess.h>

#include "nvgrace_gpu.h"

static ssize_t gpu_config_bar(struct gpu_part *part, char __user *buf,
			      size_t count, loff_t *ppos, bool write)
{
	u64 offset = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 bytes[8];

	count = min(count, sizeof(bytes));
	if (write) {
		if (copy_from_user(bytes, buf, count))
			return -EFAULT;
		gpu_bars_write(part, offset, bytes, count);
	} else {
		gpu_bars_read(part, offset, bytes, count);
		if (copy_to_user(buf, bytes, count))
			return -EFAULT;
	}
	*ppos += count;
	return count;
}

/**
 * gpu_config_rw - read or write config space
 * @gpu: the GPU, with memory, open
 * @buf: where the bytes go to or come from
 * @count: how many
 * @ppos: position in the VFIO device's file; advanced by what is returned
 * @write: whether to write
 *
 * An access may cover BARs and other registers in any way. Each byte has one
 * that answers it: the device never sees those of our BARs.
 *
 * Return: bytes read or written, or a negative errno if there are none.
 */
ssize_t gpu_config_rw(struct nvgrace_gpu *gpu, char __user *buf, size_t count,
		      loff_t *ppos, bool write)
{
	struct vfio_device *vdev = &gpu->core.vdev;
	size_t done = 0;

	while (done < count) {
		struct gpu_part *part;
		ssize_t ret;
		size_t next;

		next = gpu_bars_next(&gpu->memory, *ppos & VFIO_PCI_OFFSET_MASK,
				     count - done, &part);
		if (part)
			ret = gpu_config_bar(part, buf + done, next, ppos, write);
		else if (write)
			ret = vfio_pci_core_write(vdev, buf + done, next, ppos);
		else
			ret = vfio_pci_core_read(vdev, buf + done, next, ppos);

		if (ret <= 0)
			return done ?: ret;
		done += ret;
	}
	return done;
}
