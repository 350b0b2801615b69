/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the kernel's: what the files of kmod/ that are tested here use of it */
#include <linux/types.h>

static inline u64 roundup_pow_of_two(u64 n)
{
	return n == 1 ? 1 : 1ULL << (64 - __builtin_clzll(n - 1));
}
