// SPDX-License-Identifier: GPL-2.0-or-later
//
// Freezing and hibernation, and who opens, clears or waits meanwhile. Hibernation goes as far as
// pm_test lets it: the image is never written.

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "clearing.hpp"
#include "kernel_log.hpp"
#include "programs/vfio.hpp"
#include "trace.hpp"
#include "wait.hpp"

using namespace e2e;

namespace {

class ClearPower : public Clearing {
protected:
	void SetUp() override
	{
		Clearing::SetUp();
		// Long enough for whoever must not wait for its end.
		write_error("/sys/module/suspend/parameters/pm_test_delay", "1");
		write_text("/sys/power/pm_test", "freezer");
	}

	void TearDown() override
	{
		write_text("/sys/power/pm_test", "none");
		Clearing::TearDown();
	}

	Region other = regions().back();
	KernelLog log;

	/// All processes are frozen, and thawed a moment later.
	void suspend()
	{
		EXPECT_EQ(write_error("/sys/power/state", "freeze"), 0);
		EXPECT_EQ(log.count("Freezing user space processes completed"), 1u);
		EXPECT_EQ(log.count("Freezing user space processes failed"), 0u);
	}

	/// Until an opener waits. It must not mind that we are ahead of it with the question.
	testing::AssertionResult somebody_waits(const Region &of)
	{
		if (wait_until([&] { return of.open_error(O_RDWR | O_NONBLOCK) == EBUSY; }))
			return testing::AssertionSuccess();
		return testing::AssertionFailure() << of.name() << " is " << of.state();
	}

	/// What hibernation is refused with, by both interfaces; 0 if nobody minds.
	static int hibernation()
	{
		const int error = write_error("/sys/power/state", "disk");

		UniqueFd image(open(snapshot, O_RDONLY | O_CLOEXEC));
		EXPECT_EQ(image ? 0 : errno, error);
		return error;
	}

	/// Where a process hibernates the host, or restores it.
	static constexpr const char *snapshot = "/dev/snapshot";
};

/// Somebody who has gone but for a GPU of the region, which is still open through VFIO.
class Former {
public:
	explicit Former(const Region &region)
		: process_([&] {
			  programs::Container container;
			  programs::Group gpu(container, address(region));

			  {
				  UniqueFd owner = region.own();
				  gpu.open_device();
				  fill(Mapping(owner, region.size));
			  }
			  gone_.set();
			  end_.wait();
			  gpu.close_device();
			  return 0;
		  })
	{
		gone_.wait();
	}

	int close_gpu()
	{
		end_.set();
		return process_.wait();
	}

private:
	/// Its first one
	static std::string address(const Region &region)
	{
		std::string line;

		std::getline(std::istringstream(text_of(region.sysfs("gpu_devices"))), line);
		return line;
	}

	Event gone_, end_;
	Child process_;
};

/// A group of processes that can be frozen, of the first or the second version of cgroups.
class Freezer {
public:
	explicit Freezer(int version) : version_(version)
	{
		mkdir(mountpoint_.c_str(), 0700);
		check(mount("none", mountpoint_.c_str(), version == 1 ? "cgroup" : "cgroup2", 0,
			    version == 1 ? "freezer" : nullptr),
		      "mount");
		check(mkdir(group_.c_str(), 0700), group_);
	}
	Freezer(const Freezer &) = delete;
	Freezer &operator=(const Freezer &) = delete;
	~Freezer()
	{
		set(false);
		wait_until([&] { return rmdir(group_.c_str()) == 0; });
		umount(mountpoint_.c_str());
	}

	void add(const Child &process) const
	{
		write_text(group_ + "/cgroup.procs", std::to_string(process.pid()));
	}
	void set(bool frozen) const
	{
		if (version_ == 1)
			write_text(group_ + "/freezer.state", frozen ? "FROZEN" : "THAWED");
		else
			write_text(group_ + "/cgroup.freeze", frozen ? "1" : "0");
	}
	/// All of its processes are.
	bool frozen() const
	{
		if (version_ == 1)
			return text_of(group_ + "/freezer.state") == "FROZEN\n";
		return text_of(group_ + "/cgroup.events").find("frozen 1") != std::string::npos;
	}

private:
	int version_;
	std::string mountpoint_ = "/run/freezer";
	std::string group_ = mountpoint_ + "/openers";
};

} // namespace

TEST_F(ClearPower, AClearDoesNotHoldUpSuspend)
{
	dirty(region);
	SlowClear slow;
	Trace trace({ "nvgrace_egm", "power/suspend_resume" });
	Child opener([&] { return open_and_look(region); });

	ASSERT_TRUE(in_the_midst(region));
	suspend();
	slow.end();
	EXPECT_EQ(opener.wait(), 0);

	// Nobody has waited for its end, which is the opener's to tell.
	std::vector<std::string> order;
	for (const Trace::Event &event : trace.events()) {
		if (event.text == "freeze_processes[0] end" || event.name == "egm_clear_end")
			order.push_back(event.name);
	}
	EXPECT_EQ(order, (std::vector<std::string>{ "suspend_resume", "egm_clear_end" }));
}

TEST_F(ClearPower, AnOpenerThatWaitsForAGpuDoesNotHoldUpSuspend)
{
	Former former(other);
	Child opener([&] { return look(other, other.take_over()); });

	ASSERT_TRUE(somebody_waits(other));
	suspend();
	EXPECT_EQ(other.state(), "draining");
	EXPECT_EQ(other.open_error(O_RDWR), EBUSY) << "the opener does not wait any more";
	EXPECT_EQ(former.close_gpu(), 0);
	EXPECT_EQ(opener.wait(), 0);
}

TEST_F(ClearPower, WhatAnOwnerHasOutlastsSuspend)
{
	UniqueFd owner = region.own();
	Mapping memory(owner, region.size / 8);

	fill(memory);
	suspend();
	EXPECT_TRUE(filled(memory));
	EXPECT_EQ(region.state(), "in-use");
}

TEST_F(ClearPower, HibernationIsRefusedWhileARegionIsOwned)
{
	UniqueFd owner = region.own();
	Mapping memory(owner, region.size / 8);

	fill(memory);
	EXPECT_EQ(hibernation(), EBUSY);
	EXPECT_TRUE(filled(memory));
	EXPECT_EQ(region.state(), "in-use");
	// Nothing came of it: whoever wants the other region may have it.
	EXPECT_EQ(open_and_look(other), 0);
}

TEST_F(ClearPower, HibernationIsRefusedWhileARegionIsCleared)
{
	dirty(region);
	SlowClear slow;
	Child opener([&] { return open_and_look(region); });

	ASSERT_TRUE(in_the_midst(region));
	EXPECT_EQ(hibernation(), EBUSY);
	EXPECT_EQ(region.state(), "clearing");
	slow.end();
	EXPECT_EQ(opener.wait(), 0);
}

TEST_F(ClearPower, HibernationIsRefusedWhileAnOpenerWaitsForAGpu)
{
	Former former(other);
	Child opener([&] { return look(other, other.take_over()); });

	ASSERT_TRUE(somebody_waits(other));
	EXPECT_EQ(hibernation(), EBUSY);
	EXPECT_EQ(former.close_gpu(), 0);
	EXPECT_EQ(opener.wait(), 0);
}

TEST_F(ClearPower, AnImageIsNotRestoredOverAnOwner)
{
	UniqueFd owner = region.own();
	EXPECT_FALSE(UniqueFd(open(snapshot, O_WRONLY | O_CLOEXEC)));
	EXPECT_EQ(errno, EBUSY);
	owner.reset();
	EXPECT_TRUE(UniqueFd(open(snapshot, O_WRONLY | O_CLOEXEC))) << strerror(errno);
}

// It is what the process that writes the image does first.
TEST_F(ClearPower, NobodyOpensWhileTheHostHibernates)
{
	dirty(region);
	{
		UniqueFd image = open_file(snapshot, O_RDONLY);

		for (const Region &each : regions()) {
			EXPECT_EQ(each.open_error(O_RDWR), EBUSY) << each.name();
			EXPECT_EQ(each.open_error(O_RDWR | O_NONBLOCK), EBUSY) << each.name();
			EXPECT_EQ(each.open_error(O_RDONLY), 0) << each.name();
			EXPECT_EQ(each.state(), "idle") << each.name();
		}

		// Nor does who was not there when they were asked.
		unbind(other);
		bind(other);
		EXPECT_EQ(other.open_error(O_RDWR), EBUSY);
	}
	for (const Region &each : regions())
		EXPECT_EQ(each.open_error(O_RDWR), 0) << each.name();
	EXPECT_EQ(open_and_look(region), 0);
}

TEST_F(ClearPower, AnIdleRegionLetsTheHostHibernate)
{
	dirty(region);
	EXPECT_EQ(write_error("/sys/power/state", "disk"), 0);
	EXPECT_EQ(log.count("debug: Waiting for"), 1u);
	EXPECT_EQ(open_and_look(region), 0);
}

class CgroupFreezer : public ClearPower, public testing::WithParamInterface<int> {};

TEST_P(CgroupFreezer, FreezesAnOpenerAndNotItsClear)
{
	Freezer freezer(GetParam());
	Event done;

	dirty(region);
	SlowClear slow;
	Child opener([&] {
		UniqueFd owner = region.own();
		done.set();
		return as_new(region, owner) ? 0 : 1;
	});
	freezer.add(opener);
	ASSERT_TRUE(in_the_midst(region));
	freezer.set(true);
	slow.end();
	EXPECT_TRUE(wait_until([&] { return freezer.frozen(); }));
	EXPECT_TRUE(wait_until([&] { return number(region, "cleared_bytes") == usable(region); }));

	// It sleeps in or behind its open(), and has the region.
	EXPECT_EQ(region.open_error(O_RDWR), EBUSY);
	freezer.set(false);
	done.wait();
	EXPECT_EQ(opener.wait(), 0);
}

TEST_P(CgroupFreezer, AnOpenerThatIsKilledFrozenLeavesNothing)
{
	Freezer freezer(GetParam());

	dirty(region);
	SlowClear slow;
	Child opener([&] { return region.open_error(O_RDWR); });
	freezer.add(opener);
	ASSERT_TRUE(in_the_midst(region));
	freezer.set(true);
	opener.signal(SIGKILL);
	// The first version holds even the dying.
	if (GetParam() == 1)
		freezer.set(false);
	slow.end();
	EXPECT_EQ(opener.wait(), -SIGKILL);
	EXPECT_EQ(region.state(), "idle");
	EXPECT_EQ(open_and_look(region), 0);
}

INSTANTIATE_TEST_SUITE_P(, CgroupFreezer, testing::Values(1, 2), [](const auto &version) {
	return "Version" + std::to_string(version.param);
});
