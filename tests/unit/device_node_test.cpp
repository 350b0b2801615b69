// SPDX-License-Identifier: GPL-2.0-or-later
#include "device_node.hpp"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

using namespace egm;

namespace {

const Reading<DeviceNumber> number = DeviceNumber{ 240, 4 };

Reading<struct stat> file(mode_t type, unsigned int major = 0, unsigned int minor = 0)
{
	struct stat status = {};
	status.st_mode = type | 0600;
	status.st_rdev = makedev(major, minor);
	return status;
}

} // namespace

TEST(DeviceNode, ACharacterNodeWithTheRightNumberIsGood)
{
	EXPECT_EQ(*judge_node(file(S_IFCHR, 240, 4), number), Node::ok);
}

TEST(DeviceNode, NothingThereIsMissing)
{
	EXPECT_EQ(*judge_node(Unknown{ Why::not_exported, {} }, number), Node::missing);
}

TEST(DeviceNode, ARegularFileIsNoticedEvenWhenTheNumberIsUnknown)
{
	EXPECT_EQ(*judge_node(file(S_IFREG), number), Node::regular_file);
	EXPECT_EQ(*judge_node(file(S_IFREG), Unknown{}), Node::regular_file);
}

TEST(DeviceNode, AnotherTypeIsNotADevice)
{
	for (const auto type :
	     std::initializer_list<mode_t>{ S_IFDIR, S_IFLNK, S_IFBLK, S_IFIFO, S_IFSOCK })
		EXPECT_EQ(*judge_node(file(type, 240, 4), number), Node::not_a_device) << type;
}

TEST(DeviceNode, AnotherNumberIsAnotherDevice)
{
	EXPECT_EQ(*judge_node(file(S_IFCHR, 240, 5), number), Node::other_device);
	EXPECT_EQ(*judge_node(file(S_IFCHR, 1, 4), number), Node::other_device);
}

TEST(DeviceNode, WhatCannotBeComparedIsUnknown)
{
	EXPECT_EQ(judge_node(file(S_IFCHR, 240, 4), Unknown{ Why::failed, "dev: bad" })
			  .unknown()
			  .detail,
		  "dev: bad");
	EXPECT_EQ(judge_node(Unknown{ Why::permission, "denied" }, number).unknown().detail,
		  "denied");
}
