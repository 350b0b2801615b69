/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the kernel's: what the files of kmod/ that are tested here use of it */
#define BIT(nr)		(1UL << (nr))
#define BIT_ULL(nr)	(1ULL << (nr))
