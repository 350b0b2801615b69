// SPDX-License-Identifier: GPL-2.0-or-later
#include "size.hpp"

#include <gtest/gtest.h>

using namespace egm;

TEST(Size, ShortOnesLookLikeLsmem)
{
	EXPECT_EQ(short_size(0), "0B");
	EXPECT_EQ(short_size(1), "1B");
	EXPECT_EQ(short_size(1023), "1023B");
	EXPECT_EQ(short_size(1024), "1K");
	EXPECT_EQ(short_size(65536), "64K");
	EXPECT_EQ(short_size(1536), "1.5K");
	EXPECT_EQ(short_size(479962595328), "447G");
	EXPECT_EQ(short_size(UINT64_MAX), "16E");
}

TEST(Size, RoundingCarriesIntoTheNextUnit)
{
	EXPECT_EQ(short_size(1024 * 1024 - 1), "1M");
	EXPECT_EQ(short_size((1 << 20) + (1 << 20) / 20 - 1), "1M");
	EXPECT_EQ(short_size((1 << 20) + (1 << 20) / 20 + 1024), "1.1M");
	EXPECT_EQ(short_size(2 * 1024 * 1024 - 1), "2M");
}

TEST(Size, LongOnesKeepEveryByte)
{
	EXPECT_EQ(long_size(479962595328), "447 GiB (479962595328 bytes)");
	EXPECT_EQ(long_size(0), "0 bytes");
	EXPECT_EQ(long_size(UINT64_MAX), "16 EiB (18446744073709551615 bytes)");
}
