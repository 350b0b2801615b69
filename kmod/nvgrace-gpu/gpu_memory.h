/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic of a GPU's memory: no state of the kernel's, so that unit tests can
 * compile it in user space
 */
#ifndef _GPU_MEMORY_H
#define _GPU_MEMORY_H

#include <linux/types.h>

/**
 * struct gpu_part - a part of a GPU's memory: a VFIO region, behind an emulated BAR
 * @base: physical address
 * @length: bytes of memory, 0: there is no such part
 * @bar_size: bytes behind the BAR, the power of two from @length up
 * @bar: what the user wrote to the BAR last. Accesses of several threads may mix:
 *	nothing but what they read back hangs on it
 */
struct gpu_part {
	u64 base;
	u64 length;
	u64 bar_size;
	u64 bar;
};

/**
 * struct gpu_memory - a GPU's memory
 * @usable: what the guest's kernel takes for memory; region and BAR 4
 * @reserved: what the guest's driver needs uncached, right behind @usable; region
 *	and BAR 2
 *
 * Nothing but the contents of the BARs changes after probe. Without memory both
 * lengths are 0.
 */
struct gpu_memory {
	struct gpu_part usable;
	struct gpu_part reserved;
};

/* gpu_layout.c */
const char *gpu_layout(struct gpu_memory *memory, u64 base, u64 size,
		       u64 page_size, bool split);
u64 gpu_layout_clip(const struct gpu_part *part, u64 offset, u64 count,
		    u64 *backed);

/* gpu_bars.c */
size_t gpu_bars_next(struct gpu_memory *memory, u64 offset, size_t count,
		     struct gpu_part **part);
void gpu_bars_read(const struct gpu_part *part, u64 offset, u8 *bytes,
		   size_t count);
void gpu_bars_write(struct gpu_part *part, u64 offset, const u8 *bytes,
		    size_t count);
void gpu_bars_reset(struct gpu_memory *memory);

/* gpu_cxl.c */
int gpu_cxl_active(u32 range_size_low);
unsigned int gpu_cxl_limit(u32 range_size_low);

#endif /* _GPU_MEMORY_H */
