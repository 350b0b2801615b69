// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_root.hpp"
#include "sysfs_reader.hpp"

#include <gtest/gtest.h>

using namespace egm;

namespace {

class SysfsReaderTest : public testing::Test {
protected:
	// What a reader of numbers makes of a file's content.
	std::string fault_of_number(const std::string &content)
	{
		root.write("/sys/d/value", content);
		const auto reading = sysfs.number("value");
		return reading ? "good" : reading.unknown().detail.substr(root.at("/sys/d").size());
	}

	FakeRoot root;
	Tree tree = root.tree();
	SysfsReader sysfs{ tree, "/sys/d" };
};

} // namespace

TEST_F(SysfsReaderTest, ANumberIsOneLine)
{
	root.write("/sys/d/value", "0x6fc0000000\n");
	EXPECT_EQ(*sysfs.number("value"), 0x6fc0000000u);
}

TEST_F(SysfsReaderTest, AMissingFileIsNotExported)
{
	EXPECT_EQ(sysfs.number("value").unknown().why, Why::not_exported);
	EXPECT_EQ(sysfs.pci_addresses("value").unknown().why, Why::not_exported);
	EXPECT_EQ(sysfs.retired_pages("value").unknown().why, Why::not_exported);
	EXPECT_EQ(sysfs.link_name("value").unknown().why, Why::not_exported);
}

TEST_F(SysfsReaderTest, EveryOtherContentNamesFileAndCause)
{
	EXPECT_EQ(fault_of_number(""), "/value: empty");
	EXPECT_EQ(fault_of_number("0x6fc0"), "/value: \"0x6fc0\" has no end of line");
	EXPECT_EQ(fault_of_number("\n"), "/value: unexpected value \"\"");
	EXPECT_EQ(fault_of_number("1\n2\n"), "/value: unexpected value \"1\\x0a2\"");
	EXPECT_EQ(fault_of_number("-1\n"), "/value: unexpected value \"-1\"");
	EXPECT_EQ(fault_of_number(std::string("1\0\n", 3)), "/value: unexpected value \"1\\x00\"");
	EXPECT_EQ(fault_of_number("\xff\n"), "/value: unexpected value \"\\xff\"");
	EXPECT_EQ(fault_of_number(std::string(100, '9') + "\n"),
		  "/value: unexpected value \"" + std::string(40, '9') + "...\"");
	EXPECT_EQ(fault_of_number(std::string(65537, '9')), "/value: File too large");
}

TEST_F(SysfsReaderTest, ANumaNodeOfMinusOneIsNotSet)
{
	root.write("/sys/d/none", "-1\n").write("/sys/d/two", "2\n").write("/sys/d/bad", "-2\n");
	EXPECT_EQ(sysfs.numa_node("none").unknown().why, Why::not_set);
	EXPECT_EQ(*sysfs.numa_node("two"), 2u);
	EXPECT_EQ(sysfs.numa_node("bad").unknown().why, Why::failed);
}

TEST_F(SysfsReaderTest, PciAddressesAreAscendingAndUnique)
{
	root.write("/sys/d/gpus", "0009:01:00.0\n0008:01:00.0\n0009:01:00.0\n");
	EXPECT_EQ(*sysfs.pci_addresses("gpus"),
		  (std::vector<std::string>{ "0008:01:00.0", "0009:01:00.0" }));
}

TEST_F(SysfsReaderTest, AnEmptyListOfPciAddressesIsKnown)
{
	root.write("/sys/d/gpus", "");
	EXPECT_TRUE(sysfs.pci_addresses("gpus")->empty());
}

TEST_F(SysfsReaderTest, OneBadPciAddressSpoilsTheList)
{
	root.write("/sys/d/gpus", "0008:01:00.0\n../../../etc\n");
	EXPECT_EQ(sysfs.pci_addresses("gpus").unknown().detail,
		  root.at("/sys/d/gpus: unexpected line \"../../../etc\""));
	root.write("/sys/d/gpus", "0008:01:00.0\n0009:01:0");
	EXPECT_EQ(sysfs.pci_addresses("gpus").unknown().detail,
		  root.at("/sys/d/gpus: the last line has no end"));
}

TEST_F(SysfsReaderTest, OnlyLinksNamedByAPciAddressAreGpus)
{
	root.link("/sys/d/0008:01:00.0", "/outside").link("/sys/d/device", "x");
	root.directory("/sys/d/0009:01:00.0").write("/sys/d/000a:01:00.0", "");
	EXPECT_EQ(*sysfs.pci_links(), (std::vector<std::string>{ "0008:01:00.0" }));
}

TEST_F(SysfsReaderTest, ALinkIsKnownByItsLastComponent)
{
	root.link("/sys/d/driver", "../../bus/pci/drivers/vfio-pci").link("/sys/d/bad", "a/b c");
	EXPECT_EQ(*sysfs.link_name("driver"), "vfio-pci");
	EXPECT_EQ(sysfs.link_name("bad").unknown().detail,
		  root.at("/sys/d/bad: unexpected link \"a/b c\""));
}

TEST_F(SysfsReaderTest, ATableLongerThanAPageIsReadWhole)
{
	std::string text;
	for (int i = 0; i < 20000; i++)
		text += "0x0000000000000000 0x0000000000010000 firmware\n";
	root.write("/sys/d/retired_pages", text);
	EXPECT_EQ(sysfs.retired_pages("retired_pages")->size(), 20000u);
}

TEST_F(SysfsReaderTest, ABadTableNamesFileAndLine)
{
	root.write("/sys/d/retired_pages", "0x0 0x10000 firmware\nrubbish\n");
	EXPECT_EQ(
		sysfs.retired_pages("retired_pages").unknown().detail,
		root.at("/sys/d/retired_pages: line 2: expected OFFSET SIZE ORIGIN: \"rubbish\""));
}

TEST_F(SysfsReaderTest, ATableWithoutEndIsAnError)
{
	root.write("/sys/d/retired_pages", std::string(16 * 1024 * 1024 + 1, '\n'));
	EXPECT_EQ(sysfs.retired_pages("retired_pages").unknown().detail,
		  root.at("/sys/d/retired_pages: File too large"));
}
