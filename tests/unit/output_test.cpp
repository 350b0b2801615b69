// SPDX-License-Identifier: GPL-2.0-or-later
// What people and programs see, word for word.
#include "diagnose.hpp"
#include "error.hpp"
#include "fake_root.hpp"
#include "json.hpp"
#include "render.hpp"

#include <gtest/gtest.h>

using namespace egm;

namespace {

std::string list_table(const Host &host, Sizes sizes = Sizes::human, const TableStyle &style = {})
{
	return table_of(list_fields(sizes), host.devices, style);
}

std::string retired_table(const std::vector<RetiredPages> &devices, Sizes sizes = Sizes::human)
{
	return table_of(retired_fields(sizes), rows_of(devices), {});
}

// One good socket; one whose node is a file and whose second GPU was refused.
class OutputTest : public testing::Test {
protected:
	void SetUp() override
	{
		root.device(4, { "0008:01:00.0", "0009:01:00.0" }).device(5, { "0018:01:00.0" });
		root.write("/sys/class/egm/egm4/state", "in-use\n");
		root.write("/sys/class/egm/egm4/retired_count", "2\n");
		root.write("/sys/class/egm/egm5/numa_node", "-1\n");
		root.no_node("/dev/egm5").write("/dev/egm5", "");
		root.gpu("0008:01:00.0", "joined", "none", 4);
		root.gpu("0009:01:00.0", "joined", "none", 4);
		root.gpu("0018:01:00.0", "joined", "none", 5);
		root.gpu("0019:01:00.0", "refused", "disagrees", 5);
		host = root.host();
		findings = diagnose(host);
	}
	FakeRoot root;
	Host host;
	std::vector<Finding> findings;
};

} // namespace

TEST_F(OutputTest, TheListIsATable)
{
	EXPECT_EQ(list_table(host),
		  "DEVICE    SIZE PXM NODE STATE  RETIRED GPUS\n"
		  "/dev/egm4 447G   4    2 in-use       2 0008:01:00.0,0009:01:00.0\n"
		  "/dev/egm5 447G   5    - idle         0 0018:01:00.0\n");
}

TEST_F(OutputTest, TheListInBytesHasBytes)
{
	EXPECT_EQ(list_table(host, Sizes::bytes),
		  "DEVICE            SIZE PXM NODE STATE  RETIRED GPUS\n"
		  "/dev/egm4 479962595328   4    2 in-use       2 0008:01:00.0,0009:01:00.0\n"
		  "/dev/egm5 479962595328   5    - idle         0 0018:01:00.0\n");
}

TEST_F(OutputTest, WhatADriverDoesNotTellIsADash)
{
	FakeRoot shipped;
	shipped.nvidia_device(4, {});
	EXPECT_EQ(list_table(shipped.host()), "DEVICE    SIZE PXM NODE STATE RETIRED GPUS\n"
					      "/dev/egm4 447G   -    - -           - -\n");
}

TEST_F(OutputTest, NoDevicesAreNoTable)
{
	EXPECT_EQ(list_table(Host{}), "");
	EXPECT_EQ(info_text(Host{}, {}, Sizes::human), "");
	EXPECT_EQ(retired_table({}), "");
	EXPECT_EQ(retired_table({ { "egm4", {} } }), "");
}

TEST_F(OutputTest, RetiredPagesAreATable)
{
	const std::vector<RetiredPages> devices = {
		{ "egm4", { { 0x1f400000, 0x10000, "firmware" }, { 0, 0x20000, "runtime" } } },
		{ "egm5", {} },
	};
	EXPECT_EQ(retired_table(devices), "DEVICE        OFFSET SIZE ORIGIN\n"
					  "/dev/egm4 0x1f400000  64K firmware\n"
					  "/dev/egm4        0x0 128K runtime\n");
	EXPECT_EQ(retired_table(devices, Sizes::bytes), "DEVICE        OFFSET   SIZE ORIGIN\n"
							"/dev/egm4 0x1f400000  65536 firmware\n"
							"/dev/egm4        0x0 131072 runtime\n");
}

TEST_F(OutputTest, JsonOfEveryNodeHasItsWord)
{
	const auto word = [](Node node) {
		Host one;
		one.devices.emplace_back().node = node;
		const auto text = host_json("list", one, {});
		const auto start = text.find("\"node\": ") + 8;
		return text.substr(start, text.find(',', start) - start);
	};
	EXPECT_EQ(word(Node::ok), "\"ok\"");
	EXPECT_EQ(word(Node::missing), "\"missing\"");
	EXPECT_EQ(word(Node::regular_file), "\"regular-file\"");
	EXPECT_EQ(word(Node::not_a_device), "\"not-a-device\"");
	EXPECT_EQ(word(Node::other_device), "\"other-device\"");
}

TEST_F(OutputTest, JsonOfAnErrorIsFixedAndSurvivesAnyText)
{
	EXPECT_EQ(error_json(Error(Exit::no_such_device, "device_not_found", "\xff: none")),
		  R"({"schema":"egmctl.error","schema_version":1,"egmctl_version":")" EGM_VERSION
		  R"(","host":null,"error":{"code":"device_not_found","exit":3,"message":")"
		  "\xef\xbf\xbd"
		  R"(: none","hint":null}}
)");
}

TEST_F(OutputTest, ColumnsAreTheUsers)
{
	EXPECT_EQ(list_table(host, Sizes::human, { "pxm,Device", true, false }),
		  "PXM DEVICE\n  4 /dev/egm4\n  5 /dev/egm5\n");
	EXPECT_EQ(list_table(host, Sizes::human, { "PXM,MAJ:MIN,MODE", false, true }),
		  "4 240:4 0600\n5 240:5 -\n");
	EXPECT_TRUE(list_table(host, Sizes::human, { "+ABI", true, false })
			    .starts_with("DEVICE    SIZE PXM NODE STATE  RETIRED GPUS "));
	for (const auto *columns : { "SIZES", "+", "SIZE,", ",", "+SIZE,+PXM" })
		EXPECT_THROW(list_table(host, Sizes::human, { columns, true, false }), Error)
			<< columns;
}

TEST_F(OutputTest, WhoUsesADeviceIsNobodyOnlyWhenThatIsKnown)
{
	const TableStyle style{ "USED-BY", false, false };
	EXPECT_EQ(list_table(host, Sizes::human, style), "-\n-\n");
	host.devices[0].users = std::vector<User>{ { 42, "qemu", "vm1" }, { 43, "cat", "" } };
	host.devices[1].users = std::vector<User>{};
	EXPECT_EQ(list_table(host, Sizes::human, style), "vm1(42),cat(43)\nnobody\n");
}
