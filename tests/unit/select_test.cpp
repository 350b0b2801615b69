// SPDX-License-Identifier: GPL-2.0-or-later
#include "error.hpp"
#include "fake_root.hpp"
#include "select.hpp"

#include <gtest/gtest.h>

using namespace egm;

namespace {

class SelectTest : public testing::Test {
protected:
	void SetUp() override
	{
		root.device(4, { "0008:01:00.0" }).device(5, {});
		root.gpu("0008:01:00.0", "joined", "none", 4);
		root.gpu("0018:01:00.0", "refused", "disagrees", 5);
	}
	FakeRoot root;
};

} // namespace

TEST_F(SelectTest, NoNamesMeanEverything)
{
	const auto host = select_devices(root.host(), {});
	EXPECT_EQ(host.devices.size(), 2u);
	EXPECT_EQ(host.gpus.size(), 2u);
}

TEST_F(SelectTest, ADeviceComesWithItsGpus)
{
	for (const auto *name : { "egm4", "/dev/egm4" }) {
		const auto host = select_devices(root.host(), { name });
		ASSERT_EQ(host.devices.size(), 1u) << name;
		EXPECT_EQ(host.devices[0].name, "egm4");
		ASSERT_EQ(host.gpus.size(), 1u);
		EXPECT_EQ(host.gpus[0].address, "0008:01:00.0");
	}
}

TEST_F(SelectTest, AGpuTurnedAwayFromTheDevicesPxmBelongsToIt)
{
	const auto host = select_devices(root.host(), { "egm5" });
	ASSERT_EQ(host.gpus.size(), 1u);
	EXPECT_EQ(host.gpus[0].address, "0018:01:00.0");
}

TEST_F(SelectTest, ANameTwiceIsOneDevice)
{
	EXPECT_EQ(select_devices(root.host(), { "egm4", "/dev/egm4" }).devices.size(), 1u);
}

TEST_F(SelectTest, AnUnknownNameIsAnError)
{
	for (const auto *name : { "egm6", "", "/dev/", "/dev/../dev/egm4", "egm", "\033[2J" }) {
		try {
			select_devices(root.host(), { "egm4", name });
			ADD_FAILURE() << name;
		} catch (const Error &error) {
			EXPECT_EQ(error.exit(), Exit::no_such_device);
			EXPECT_EQ(error.code(), "device_not_found");
		}
	}
}

TEST_F(SelectTest, AFilterSelectsAndMayMatchNothing)
{
	const auto names = [&](const std::string &filter) {
		std::string list;
		const auto selected = select_devices(root.host(), { filter });
		for (const auto &device : selected.devices)
			list += device.name + " ";
		return list;
	};
	EXPECT_EQ(names("pxm=5"), "egm5 ");
	EXPECT_EQ(names("pxm=0x4"), "egm4 ");
	EXPECT_EQ(names("pxm=9"), "");
	EXPECT_EQ(names("gpu=0008:01:00.0"), "egm4 ");
	EXPECT_EQ(names("gpu=00000008:01:00.0"), "egm4 ");
	EXPECT_EQ(names("gpu=0018:01:00.0"), "");
}

TEST_F(SelectTest, APxmIsInTheNameWhereTheDriverDoesNotTellIt)
{
	FakeRoot shipped;
	shipped.nvidia_device(4, {});
	EXPECT_EQ(select_devices(shipped.host(), { "pxm=4" }).devices.size(), 1u);
}

TEST_F(SelectTest, AFilterThatIsNoneIsWrongUsage)
{
	for (const auto *filter :
	     { "pxm=", "pxm=x", "pxm=-1", "gpu=01:00.0", "node=2", "=", "gpu=" }) {
		try {
			select_devices(root.host(), { filter });
			ADD_FAILURE() << filter;
		} catch (const Error &error) {
			EXPECT_EQ(error.exit(), Exit::usage) << filter;
		}
	}
}
