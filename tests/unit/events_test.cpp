// SPDX-License-Identifier: GPL-2.0-or-later
#include "events.hpp"
#include "fake_root.hpp"

#include <gtest/gtest.h>

using namespace egm;

namespace {

const RetiredPage bad{ 0x1f400000, 0x10000, "runtime" };

Look look(const FakeRoot &root)
{
	return { root.host(), { { "egm4", {} } } };
}

std::string said(const Look &before, const Look &after)
{
	std::string text;
	for (const auto &event : events_between(before, after))
		text += event_line("T", event);
	return text;
}

class EventsTest : public testing::Test {
protected:
	void SetUp() override
	{
		root.device(4, { "0008:01:00.0" });
		before = look(root);
	}
	FakeRoot root;
	Look before;
};

} // namespace

TEST_F(EventsTest, NothingHappensBetweenEqualLooks)
{
	EXPECT_EQ(said(before, before), "");
}

TEST_F(EventsTest, DevicesComeAndGo)
{
	root.device(5, {});
	EXPECT_EQ(said(before, look(root)), "T egm5 added state=idle\n");
	EXPECT_EQ(said(look(root), before), "T egm5 removed\n");
}

TEST_F(EventsTest, StatesAndGpusChange)
{
	root.write("/sys/class/egm/egm4/state", "clearing\n");
	root.write("/sys/class/egm/egm4/gpu_devices", "0008:01:00.0\n0009:01:00.0\n");
	EXPECT_EQ(said(before, look(root)), "T egm4 gpu-added gpu=0009:01:00.0\n"
					    "T egm4 state state=clearing\n");
	EXPECT_EQ(said(look(root), before), "T egm4 gpu-removed gpu=0009:01:00.0\n"
					    "T egm4 state state=idle\n");
}

TEST_F(EventsTest, AStateThatCannotBeReadIsNoChange)
{
	root.remove("/sys/class/egm/egm4/state");
	EXPECT_EQ(said(before, look(root)), "");
}

TEST_F(EventsTest, APageThatFailedIsSaidOnce)
{
	Look after = look(root);
	after.retired["egm4"] = { { 0, 0x10000, "firmware" }, bad };
	EXPECT_EQ(said(before, after), "T egm4 poison offset=0x1f400000 size=0x10000\n");
	EXPECT_EQ(said(after, after), "");
}

TEST_F(EventsTest, AUeventSaysWhichPageFailed)
{
	const auto event = poison_event(
		"egm4",
		{ { "EGM_EVENT", "poison" }, { "OFFSET", "0x1f400000" }, { "SIZE", "0x10000" } });
	ASSERT_TRUE(event);
	EXPECT_EQ(*event->page, bad);
}

TEST_F(EventsTest, OtherUeventsSayNothing)
{
	using Properties = std::map<std::string, std::string>;
	const Properties good = { { "EGM_EVENT", "poison" },
				  { "OFFSET", "0x0" },
				  { "SIZE", "0x1" } };
	EXPECT_TRUE(poison_event("egm4", good));
	EXPECT_FALSE(poison_event("egm4/../x", good));
	for (const auto &[key, value] : Properties{ { "EGM_EVENT", "other" },
						    { "OFFSET", "-1" },
						    { "OFFSET", "" },
						    { "SIZE", "0x1g" } }) {
		auto broken = good;
		broken[key] = value;
		EXPECT_FALSE(poison_event("egm4", broken)) << key;
	}
	EXPECT_FALSE(poison_event("egm4", {}));
}
