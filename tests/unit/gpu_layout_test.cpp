// SPDX-License-Identifier: GPL-2.0-or-later
#include "gpu_logic.hpp"

#include <gtest/gtest.h>

namespace {

constexpr u64 ki = 1ULL << 10, mi = 1ULL << 20, gi = 1ULL << 30, ti = 1ULL << 40;
constexpr u64 base = 0x420000000000;

struct Case {
	u64 size;
	u64 usable, usable_bar, reserved, reserved_bar;
};

void expect_layout(const Case &expected, bool split)
{
	SCOPED_TRACE(testing::Message() << "size " << expected.size);
	gpu_memory memory;
	ASSERT_STREQ(gpu_layout(&memory, base, expected.size, 64 * ki, split), nullptr);
	EXPECT_EQ(memory.usable.base, base);
	EXPECT_EQ(memory.usable.length, expected.usable);
	EXPECT_EQ(memory.usable.bar_size, expected.usable_bar);
	EXPECT_EQ(memory.usable.bar, 0U);
	EXPECT_EQ(memory.reserved.length, expected.reserved);
	if (expected.reserved) {
		EXPECT_EQ(memory.reserved.base, base + expected.usable);
		EXPECT_EQ(memory.reserved.bar_size, expected.reserved_bar);
	}
	EXPECT_EQ(memory.reserved.bar, 0U);
}

const char *refusal(u64 at, u64 size, u64 page, bool split)
{
	gpu_memory memory;
	return gpu_layout(&memory, at, size, page, split);
}

} // namespace

TEST(GpuLayout, SplitsInBlocksAndReservesTheRest)
{
	for (const Case &expected : {
		     // The smallest: one block, and what is always reserved
		     Case{ 1536 * mi, 512 * mi, 512 * mi, gi, gi },
		     // A page more: the BAR is that of the size before rounding
		     Case{ 1536 * mi + 64 * ki, 512 * mi, gi, gi + 64 * ki, 2 * gi },
		     Case{ 2 * gi - 64 * ki, 512 * mi, gi, 1536 * mi - 64 * ki, 2 * gi },
		     Case{ 2 * gi, gi, gi, gi, gi },
		     Case{ 2 * gi + 64 * ki, gi, 2 * gi, gi + 64 * ki, 2 * gi },
		     Case{ 96 * gi, 95 * gi, 128 * gi, gi, gi },
		     Case{ 129 * gi, 128 * gi, 128 * gi, gi, gi },
		     // As on a GH200
		     Case{ 0x17c0000000, 94 * gi, 128 * gi, gi, gi },
		     Case{ ti, ti - gi, ti, gi, gi },
	     })
		expect_layout(expected, true);
}

TEST(GpuLayout, TakesAllWithoutASplit)
{
	for (const Case &expected : {
		     Case{ 64 * ki, 64 * ki, 64 * ki, 0, 0 },
		     Case{ 128 * ki, 128 * ki, 128 * ki, 0, 0 },
		     Case{ 192 * ki, 192 * ki, 256 * ki, 0, 0 },
		     Case{ gi, gi, gi, 0, 0 },
		     Case{ 186 * gi, 186 * gi, 256 * gi, 0, 0 },
		     Case{ ti, ti, ti, 0, 0 },
	     })
		expect_layout(expected, false);
}

TEST(GpuLayout, RefusesASplitThatLeavesNothing)
{
	for (u64 size : { 64 * ki, 512 * mi, gi - 64 * ki, gi, gi + 64 * ki, 1536 * mi - 64 * ki })
		EXPECT_STREQ(refusal(base, size, 64 * ki, true),
			     "leaves no usable part beside the reserved one")
			<< size;
}

TEST(GpuLayout, RefusesPartsOfPages)
{
	const char *words = "is not made of whole pages";
	for (bool split : { false, true }) {
		EXPECT_STREQ(refusal(base, 2 * gi + 4 * ki, 64 * ki, split), words);
		EXPECT_STREQ(refusal(base + 4 * ki, 2 * gi, 64 * ki, split), words);
		EXPECT_STREQ(refusal(base + 1, 2 * gi, 4 * ki, split), words);
		EXPECT_STREQ(refusal(base, 2 * gi - 1, 4 * ki, split), words);
		EXPECT_STREQ(refusal(base + 4 * ki, 2 * gi + 4 * ki, 4 * ki, split), nullptr);
	}
}

TEST(GpuLayout, RefusesWhatNoRegionHolds)
{
	for (u64 size : { ti + 64 * ki, 2 * ti, u64{ 1 } << 63, ~u64{ 0 } << 16 })
		for (bool split : { false, true })
			EXPECT_STREQ(refusal(base, size, 64 * ki, split),
				     "is larger than a VFIO region can be")
				<< size;
}

TEST(GpuLayout, ClipsAnAccess)
{
	gpu_part part = {};
	part.length = 3 * gi;
	part.bar_size = 4 * gi;

	struct {
		u64 offset, count, in_bar, backed;
	} table[] = {
		{ 0, 1, 1, 1 },
		{ 0, 3 * gi, 3 * gi, 3 * gi },
		{ 0, 4 * gi, 4 * gi, 3 * gi },
		{ 0, 4 * gi + 1, 4 * gi, 3 * gi },
		{ 0, UINT64_MAX, 4 * gi, 3 * gi },
		{ 3 * gi - 1, 1, 1, 1 },
		{ 3 * gi - 1, 2, 2, 1 },
		{ 3 * gi, 1, 1, 0 },
		{ 4 * gi - 1, 1, 1, 0 },
		{ 4 * gi - 1, UINT64_MAX, 1, 0 },
		{ 4 * gi, 1, 0, 0 },
		{ ti - 1, UINT64_MAX, 0, 0 },
		{ UINT64_MAX, UINT64_MAX, 0, 0 },
		{ 7, 0, 0, 0 },
	};
	for (const auto &row : table) {
		u64 backed = 1234;
		EXPECT_EQ(gpu_layout_clip(&part, row.offset, row.count, &backed), row.in_bar)
			<< row.offset << " " << row.count;
		EXPECT_EQ(backed, row.backed) << row.offset << " " << row.count;
	}
}
