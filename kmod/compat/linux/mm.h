/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_LINUX_MM_H
#define _EGM_COMPAT_LINUX_MM_H

#include_next <linux/mm.h>

/* 6.17: page frame numbers are plain numbers. */
#ifndef COMPAT_HAS_vmf_insert_pfn_pmd_number
#include <linux/pfn_t.h>

#define vmf_insert_pfn_pmd(vmf, pfn, write) \
	vmf_insert_pfn_pmd(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#define vmf_insert_pfn_pud(vmf, pfn, write) \
	vmf_insert_pfn_pud(vmf, __pfn_to_pfn_t(pfn, PFN_DEV), write)
#endif

#endif /* _EGM_COMPAT_LINUX_MM_H */
