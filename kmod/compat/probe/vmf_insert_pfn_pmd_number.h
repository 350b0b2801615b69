/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.17: vmf_insert_pfn_pmd() takes a number, not a struct */
#include <linux/mm.h>

static inline vm_fault_t probe(struct vm_fault *vmf)
{
	return vmf_insert_pfn_pmd(vmf, 0UL, false);
}
