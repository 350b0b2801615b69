// SPDX-License-Identifier: GPL-2.0-or-later
#include "parse.hpp"

#include <gtest/gtest.h>

using namespace egm;

TEST(Parse, NumbersAreDecimalOrHexadecimal)
{
	EXPECT_EQ(parse_u64("0"), 0u);
	EXPECT_EQ(parse_u64("4096"), 4096u);
	EXPECT_EQ(parse_u64("0x6fc0000000"), 0x6fc0000000u);
	EXPECT_EQ(parse_u64("0xFF"), 255u);
	EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
	EXPECT_EQ(parse_u64("0xffffffffffffffff"), UINT64_MAX);
}

TEST(Parse, NumbersAreNothingElse)
{
	using namespace std::string_view_literals;
	for (const auto text :
	     { ""sv, "0x"sv, "-1"sv, "+1"sv, " 1"sv, "1 "sv, "1\n"sv, "1\0"sv, "0x-1"sv, "0x0x1"sv,
	       "12abc"sv, "1.5"sv, "18446744073709551616"sv, "0x10000000000000000"sv, "(null)"sv })
		EXPECT_EQ(parse_u64(text), std::nullopt) << text;
}

TEST(Parse, DeviceNamesAreEgmAndANumber)
{
	EXPECT_EQ(parse_device_name("egm0"), 0u);
	EXPECT_EQ(parse_device_name("egm4"), 4u);
	EXPECT_EQ(parse_device_name("egm4294967295"), 4294967295u);
	for (const auto *text : { "", "egm", "egm-1", "egm04", "egmx", "egm4 ", "egm4/", "EGM4",
				  "egm4294967296", "xegm4", "egm0x4" })
		EXPECT_EQ(parse_device_name(text), std::nullopt) << text;
}

TEST(Parse, PciAddressesHaveFourPartsInLowerCase)
{
	EXPECT_EQ(parse_pci_address("0008:01:00.0"), "0008:01:00.0");
	EXPECT_EQ(parse_pci_address("10000:e1:1f.7"), "10000:e1:1f.7");
	for (const auto *text : { "", "01:00.0", "0008:01:00.8", "0008:01:00", "0008:01:00.0 ",
				  "0008:0G:00.0", "0008-01:00.0", "../0008:01:00.0",
				  "0008:01:00.00", "123456789:01:00.0", "000A:01:00.0" })
		EXPECT_EQ(parse_pci_address(text), std::nullopt) << text;
}

TEST(Parse, DeviceNumbersAreTwoDecimals)
{
	EXPECT_EQ(parse_device_number("240:4"), (DeviceNumber{ 240, 4 }));
	for (const auto *text : { "", ":", "240", "240:", ":4", "240:4:1", "0xf0:4", "-1:4" })
		EXPECT_EQ(parse_device_number(text), std::nullopt) << text;
}

TEST(Parse, WordsHaveNoSpaceAndAnEnd)
{
	EXPECT_EQ(parse_word("in-use"), "in-use");
	EXPECT_EQ(parse_word(std::string(64, 'a')), std::string(64, 'a'));
	for (const auto &text :
	     { std::string(), std::string("in use"), std::string("a\nb"), std::string("a\033[2J"),
	       std::string("\xff"), std::string("a\0b", 3), std::string(65, 'a') })
		EXPECT_EQ(parse_word(text), std::nullopt) << text;
}

TEST(Parse, LinesNeedAnEnd)
{
	EXPECT_EQ(parse_lines("")->size(), 0u);
	EXPECT_EQ(*parse_lines("a\n\nb\n"), (std::vector<std::string_view>{ "a", "", "b" }));
	EXPECT_EQ(parse_lines("a\nb"), std::nullopt);
}

TEST(Parse, PrintableTextCannotTouchATerminal)
{
	EXPECT_EQ(printable("egm4"), "egm4");
	EXPECT_EQ(printable("a\033[2J\n\x80\\"), "a\\x1b[2J\\x0a\\x80\\x5c");
	EXPECT_EQ(printable(std::string(5000, 'a')).size(), 4096u + 3);
}
