// SPDX-License-Identifier: GPL-2.0-only
/*
 * GPU memory that fails while it is open: who maps the page is to hear of it
 */
#include <linux/fs.h>
#include <linux/memory-failure.h>
#include <linux/pfn.h>

#include "nvgrace_gpu.h"

static int gpu_poison_register(struct nvgrace_gpu *gpu,
			       struct gpu_poison *poison,
			       const struct gpu_part *part)
{
	int ret;

	if (!part->length)
		return 0;

	poison->space.node.start = PHYS_PFN(part->base);
	poison->space.node.last = PHYS_PFN(part->base + part->length - 1);
	poison->space.mapping = gpu->core.vdev.inode->i_mapping;
	poison->space.pfn_to_vma_pgoff = gpu_mapping_find;
	ret = register_pfn_address_space(&poison->space);
	/* To unregister what never was would corrupt the kernel's tree. */
	poison->registered = !ret;
	/* The kernel may be too old: everything else works. */
	return ret == -EOPNOTSUPP ? 0 : ret;
}

static void gpu_poison_unregister(struct gpu_poison *poison)
{
	if (poison->registered)
		unregister_pfn_address_space(&poison->space);
	poison->registered = false;
}

/**
 * gpu_poison_start - have the kernel ask who maps memory that fails
 * @gpu: the GPU, with memory, about to be open
 *
 * Return: 0, or a negative errno and nothing is registered.
 */
int gpu_poison_start(struct nvgrace_gpu *gpu)
{
	int ret;

	ret = gpu_poison_register(gpu, &gpu->poison[0], &gpu->memory.usable);
	if (ret)
		return ret;
	ret = gpu_poison_register(gpu, &gpu->poison[1], &gpu->memory.reserved);
	if (ret)
		gpu_poison_stop(gpu);
	return ret;
}

/**
 * gpu_poison_stop - undo gpu_poison_start()
 * @gpu: the GPU
 *
 * After this returns, the kernel is not asking, and does not ask any more.
 */
void gpu_poison_stop(struct nvgrace_gpu *gpu)
{
	gpu_poison_unregister(&gpu->poison[0]);
	gpu_poison_unregister(&gpu->poison[1]);
}
