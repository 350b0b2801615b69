// SPDX-License-Identifier: GPL-2.0-or-later
#include "retired_pages.hpp"

#include <gtest/gtest.h>

using namespace egm;

namespace {

using Pages = std::vector<RetiredPage>;

// "LINE: CAUSE" of the bad line; fails the test when the table is good.
std::string fault_of(const std::string &text)
{
	const auto table = parse_retired_pages(text);
	const auto *bad = std::get_if<BadLine>(&table);
	if (!bad)
		return "good";
	return std::to_string(bad->number) + ": " + bad->cause;
}

const std::string good = "0x000000001f400000 0x0000000000010000 firmware\n";

} // namespace

TEST(RetiredPages, AnEmptyTextIsAnEmptyTable)
{
	EXPECT_EQ(std::get<Pages>(parse_retired_pages("")), Pages{});
}

TEST(RetiredPages, EntriesKeepTheirOrder)
{
	const auto table =
		parse_retired_pages(good + "0x0000000000000000 0x0000000000010000 runtime \n");
	EXPECT_EQ(std::get<Pages>(table),
		  (Pages{ { 0x1f400000, 0x10000, "firmware" }, { 0, 0x10000, "runtime" } }));
}

TEST(RetiredPages, AFullTableOfTheFirmwareIsRead)
{
	std::string text;
	for (int i = 0; i < 4096; i++)
		text += good;
	EXPECT_EQ(std::get<Pages>(parse_retired_pages(text)).size(), 4096u);
}

TEST(RetiredPages, TheFirstBadLineIsNamed)
{
	EXPECT_EQ(fault_of(good + "nonsense\n" + good + "more\n"),
		  "2: expected OFFSET SIZE ORIGIN");
}

TEST(RetiredPages, ATruncatedTableIsNoTable)
{
	EXPECT_EQ(fault_of(good + "0x0000000020000000 0x0000000000010000 firmware"),
		  "2: has no end of line");
}

TEST(RetiredPages, EveryPartOfALineIsChecked)
{
	EXPECT_EQ(fault_of("\n"), "1: expected OFFSET SIZE ORIGIN");
	EXPECT_EQ(fault_of("0x0 0x10000\n"), "1: expected OFFSET SIZE ORIGIN");
	EXPECT_EQ(fault_of("0 0x10000 firmware\n"), "1: expected hexadecimal numbers");
	EXPECT_EQ(fault_of("0x0 65536 firmware\n"), "1: expected hexadecimal numbers");
	EXPECT_EQ(fault_of("0x0  0x10000 firmware\n"), "1: expected hexadecimal numbers");
	EXPECT_EQ(fault_of("0x10000000000000000 0x1 firmware\n"),
		  "1: expected hexadecimal numbers");
	EXPECT_EQ(fault_of("0x0 0x0 firmware\n"), "1: size is zero");
	EXPECT_EQ(fault_of("0xffffffffffff0000 0x10000 firmware\n"), "1: range wraps");
	EXPECT_EQ(fault_of("0x0 0x10000 elsewhere\n"), "1: origin is neither firmware nor runtime");
	EXPECT_EQ(fault_of("0x0 0x10000 x firmware\n"),
		  "1: origin is neither firmware nor runtime");
	EXPECT_EQ(fault_of(std::string("0x0 0x10000 firmware\0\n", 22)),
		  "1: origin is neither firmware nor runtime");
}
