/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_LINUX_MEMORY_FAILURE_H
#define _EGM_COMPAT_LINUX_MEMORY_FAILURE_H

/* 6.19; before 7.0 not on kernels that are built without memory failure handling */
#if defined(COMPAT_HAS_pfn_address_space) && IS_ENABLED(CONFIG_MEMORY_FAILURE)
#include_next <linux/memory-failure.h>
#else
#include <linux/errno.h>
#include <linux/interval_tree.h>

struct address_space;
struct vm_area_struct;

struct pfn_address_space {
	struct interval_tree_node node;
	struct address_space *mapping;
	int (*pfn_to_vma_pgoff)(struct vm_area_struct *vma, unsigned long pfn,
				pgoff_t *pgoff);
};

static inline int register_pfn_address_space(struct pfn_address_space *space)
{
	return -EOPNOTSUPP;
}

static inline void unregister_pfn_address_space(struct pfn_address_space *space)
{
}
#endif

#endif /* _EGM_COMPAT_LINUX_MEMORY_FAILURE_H */
