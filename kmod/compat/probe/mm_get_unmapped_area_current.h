/* SPDX-License-Identifier: GPL-2.0-only */
/* After 6.12: mm_get_unmapped_area() is about the caller's address space only */
#include <linux/sched/mm.h>

static inline unsigned long probe(struct file *file)
{
	return mm_get_unmapped_area(file, 0, 0, 0, 0);
}
