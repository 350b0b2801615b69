/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.19: users of memory without struct pages are asked when it fails */
#include <linux/memory-failure.h>

static inline int probe(struct pfn_address_space *space)
{
	space->pfn_to_vma_pgoff = NULL;
	return register_pfn_address_space(space);
}
