/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the kernel's: what the files of kmod/ that are tested here use of it */
#define min(a, b)		((a) < (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
