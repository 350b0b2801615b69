/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EGM_COMPAT_LINUX_SCHED_MM_H
#define _EGM_COMPAT_LINUX_SCHED_MM_H

#include_next <linux/sched/mm.h>

/* Later kernels take the caller's address space. */
#ifndef COMPAT_HAS_mm_get_unmapped_area_current
#define mm_get_unmapped_area(file, address, len, pgoff, flags) \
	mm_get_unmapped_area(current->mm, file, address, len, pgoff, flags)
#endif

#endif /* _EGM_COMPAT_LINUX_SCHED_MM_H */
