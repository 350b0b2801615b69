// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a GPU's memory is cut into the parts that the guest sees
 */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sizes.h>

#include "gpu_memory.h"

/*
 * ABI between the GPU's firmware, this driver and the guest's: the usable part is
 * a multiple of the block, and what remains, this size at least, is reserved.
 */
#define GPU_LAYOUT_BLOCK	SZ_512M
#define GPU_LAYOUT_RESERVED	SZ_1G

/* VFIO leaves 40 bits of the file offset for the offset in a region. */
#define GPU_LAYOUT_REGION_MAX	BIT_ULL(40)

/**
 * gpu_layout - cut a GPU's memory into its parts
 * @memory: filled in on success
 * @base: physical address, from firmware
 * @size: bytes, from firmware; does not wrap
 * @page_size: bytes in a page
 * @split: the GPU cannot partition itself (MIG) without a reserved part
 *
 * The BAR of the usable part is as large as it would be without rounding to
 * blocks: guests know it so.
 *
 * Return: NULL, or words that say what is wrong with the numbers.
 */
const char *gpu_layout(struct gpu_memory *memory, u64 base, u64 size,
		       u64 page_size, bool split)
{
	u64 usable = size;

	/* A page that is memory in part would expose what else lies in it. */
	if (!IS_ALIGNED(base | size, page_size))
		return "is not made of whole pages";
	if (size > GPU_LAYOUT_REGION_MAX)
		return "is larger than a VFIO region can be";
	if (split) {
		if (size < GPU_LAYOUT_RESERVED + GPU_LAYOUT_BLOCK)
			return "leaves no usable part beside the reserved one";
		usable = ALIGN_DOWN(size - GPU_LAYOUT_RESERVED, GPU_LAYOUT_BLOCK);
	}

	*memory = (struct gpu_memory) {};
	memory->usable.base = base;
	memory->usable.length = usable;
	memory->usable.bar_size =
		roundup_pow_of_two(split ? size - GPU_LAYOUT_RESERVED : size);
	if (usable == size)
		return NULL;

	memory->reserved.base = base + usable;
	memory->reserved.length = size - usable;
	memory->reserved.bar_size = roundup_pow_of_two(memory->reserved.length);
	return NULL;
}

/**
 * gpu_layout_clip - clip an access to a part
 * @part: the part
 * @offset: where the access begins
 * @count: bytes
 * @backed: set to how many of the bytes that remain are memory; the others, behind
 *	them, lie between the memory's end and the BAR's
 *
 * Return: bytes that remain, 0 if the access begins behind the BAR.
 */
u64 gpu_layout_clip(const struct gpu_part *part, u64 offset, u64 count,
		    u64 *backed)
{
	*backed = offset < part->length ? min(count, part->length - offset) : 0;
	return offset < part->bar_size ? min(count, part->bar_size - offset) : 0;
}
