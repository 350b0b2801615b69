/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the kernel's: what the files of kmod/ that are tested here use of it */
#include_next <linux/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
