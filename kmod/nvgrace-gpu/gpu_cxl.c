// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a CXL device says of its memory: the register DVSEC CXL Range 1 Size Low
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>

#include "gpu_memory.h"

#define GPU_CXL_INFO_VALID	BIT(0)
#define GPU_CXL_ACTIVE		BIT(1)
#define GPU_CXL_TIMEOUT_SHIFT	13
#define GPU_CXL_TIMEOUT_MASK	7U
/* Codes above have no meaning. */
#define GPU_CXL_TIMEOUT_MAX	4U

/**
 * gpu_cxl_active - whether the memory can be touched
 * @range_size_low: the register
 *
 * Return: 0, -EAGAIN if not yet, -ENODEV if the device does not answer.
 */
int gpu_cxl_active(u32 range_size_low)
{
	u32 wanted = GPU_CXL_INFO_VALID | GPU_CXL_ACTIVE;

	if (range_size_low == ~0U)
		return -ENODEV;
	return (range_size_low & wanted) == wanted ? 0 : -EAGAIN;
}

/**
 * gpu_cxl_limit - how long after a reset the memory may take to become active
 * @range_size_low: the register, of a device that answers
 *
 * Until the device says how long, it has the time it may take to say that.
 *
 * Return: seconds.
 */
unsigned int gpu_cxl_limit(u32 range_size_low)
{
	u32 code = (range_size_low >> GPU_CXL_TIMEOUT_SHIFT) &
		   GPU_CXL_TIMEOUT_MASK;

	if (!(range_size_low & GPU_CXL_INFO_VALID))
		return 1;
	return 1U << 2 * min(code, GPU_CXL_TIMEOUT_MAX);
}
