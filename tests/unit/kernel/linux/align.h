/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the kernel's: what the files of kmod/ that are tested here use of it */
#define IS_ALIGNED(x, a)	(((x) & ((a) - 1)) == 0)
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
