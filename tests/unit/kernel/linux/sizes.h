/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the kernel's: what the files of kmod/ that are tested here use of it */
#define SZ_512M	0x20000000
#define SZ_1G	0x40000000
