// SPDX-License-Identifier: GPL-2.0-only
/*
 * The BARs of a GPU's memory: registers in config space that the device lacks
 */
#include <linux/minmax.h>
#include <linux/pci_regs.h>

#include "gpu_memory.h"

/* 64 bits wide: a register and the next one */
#define GPU_BARS_WIDTH	8

static u64 gpu_bars_position(const struct gpu_memory *memory,
			     const struct gpu_part *part)
{
	return part == &memory->reserved ? PCI_BASE_ADDRESS_2 :
					   PCI_BASE_ADDRESS_4;
}

/**
 * gpu_bars_next - find out who answers the first bytes of a config access
 * @memory: the GPU's memory
 * @offset: where the access begins, in config space
 * @count: bytes, not 0
 * @part: set to the part whose BAR answers, or to NULL: the device does
 *
 * Return: how many bytes, @count at most.
 */
size_t gpu_bars_next(struct gpu_memory *memory, u64 offset, size_t count,
		     struct gpu_part **part)
{
	struct gpu_part *parts[] = { &memory->reserved, &memory->usable };

	*part = NULL;
	for (int i = 0; i < 2; i++) {
		u64 position = gpu_bars_position(memory, parts[i]);

		if (!parts[i]->length || offset >= position + GPU_BARS_WIDTH)
			continue;
		if (offset < position)
			return min_t(u64, count, position - offset);
		*part = parts[i];
		return min_t(u64, count, position + GPU_BARS_WIDTH - offset);
	}
	return count;
}

/**
 * gpu_bars_read - read from a BAR
 * @part: its part
 * @offset: where the access begins, in config space
 * @bytes: filled in
 * @count: bytes, as gpu_bars_next() cut them
 *
 * Bits below the size read as 0, which is how software learns the size.
 */
void gpu_bars_read(const struct gpu_part *part, u64 offset, u8 *bytes,
		   size_t count)
{
	u64 value = (part->bar & ~(part->bar_size - 1)) |
		    PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;

	for (size_t i = 0; i < count; i++)
		bytes[i] = value >> 8 * ((offset + i) % GPU_BARS_WIDTH);
}

/**
 * gpu_bars_write - write to a BAR
 * @part: its part
 * @offset: where the access begins, in config space
 * @bytes: what is written
 * @count: bytes, as gpu_bars_next() cut them
 */
void gpu_bars_write(struct gpu_part *part, u64 offset, const u8 *bytes,
		    size_t count)
{
	u64 value = part->bar;

	for (size_t i = 0; i < count; i++) {
		unsigned int shift = 8 * ((offset + i) % GPU_BARS_WIDTH);

		value &= ~(0xffULL << shift);
		value |= (u64)bytes[i] << shift;
	}
	part->bar = value;
}

/**
 * gpu_bars_reset - what a reset of the device does to the BARs
 * @memory: the GPU's memory
 */
void gpu_bars_reset(struct gpu_memory *memory)
{
	memory->usable.bar = 0;
	memory->reserved.bar = 0;
}
