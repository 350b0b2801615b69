// SPDX-License-Identifier: GPL-2.0-or-later
#include "gpu_logic.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace {

constexpr u32 valid = 1, active = 2;

constexpr u32 timeout(u32 code)
{
	return code << 13;
}

} // namespace

TEST(GpuCxl, IsActiveWithBothBits)
{
	const u32 other = ~(valid | active);
	EXPECT_EQ(gpu_cxl_active(0), -EAGAIN);
	EXPECT_EQ(gpu_cxl_active(valid), -EAGAIN);
	EXPECT_EQ(gpu_cxl_active(active), -EAGAIN);
	EXPECT_EQ(gpu_cxl_active(valid | active), 0);
	EXPECT_EQ(gpu_cxl_active(other), -EAGAIN);
	EXPECT_EQ(gpu_cxl_active(other | valid), -EAGAIN);
	EXPECT_EQ(gpu_cxl_active(other | active), -EAGAIN);
	EXPECT_EQ(gpu_cxl_active((other & ~0x10000000U) | valid | active), 0);
}

TEST(GpuCxl, IsGoneWithAllOnes)
{
	EXPECT_EQ(gpu_cxl_active(0xffffffff), -ENODEV);
}

TEST(GpuCxl, SaysHowLongItMayTake)
{
	const unsigned int seconds[] = { 1, 4, 16, 64, 256, 256, 256, 256 };
	for (u32 code = 0; code < 8; code++) {
		EXPECT_EQ(gpu_cxl_limit(timeout(code) | valid), seconds[code]) << code;
		EXPECT_EQ(gpu_cxl_limit(~timeout(7) | timeout(code)), seconds[code]) << code;
		// It has not said it yet.
		EXPECT_EQ(gpu_cxl_limit(timeout(code)), 1U) << code;
	}
}
