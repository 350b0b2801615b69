// SPDX-License-Identifier: GPL-2.0-or-later
//
// Nothing that a tenant leaves is ever found by the next one, however the first one ends and
// whatever goes wrong for the second.

#include <fcntl.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <format>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <linux/egm.h>

#include "clearing.hpp"
#include "failing.hpp"
#include "wait.hpp"

using namespace e2e;

namespace {

class Tenants : public Clearing {
protected:
	Region large = regions().back();
	std::minstd_rand random{ 1 };
	// There are some 110 owners for each.
	const unsigned int effort =
		static_cast<unsigned int>(std::stoul(std::getenv("EGM_EFFORT")));

	/// The next of them: looks at every byte, leaves its secret in every word, and says so.
	static int tenant(const Region &of, UniqueFd owner, std::uint64_t secret, Event *settled)
	{
		Mapping memory(owner, of.size);

		if (testing::AssertionResult result = cleared(of, memory); !result) {
			std::fprintf(stderr, "%s: %s\n", of.name().c_str(), result.message());
			return 200;
		}
		for (std::uint64_t &word : memory.words())
			word = secret;
		if (settled) {
			settled->set();
			pause();
		}
		return 0;
	}

	static constexpr std::uint64_t secret = 0x5ec2'e75e'c2e7'5ec2;
	static void leave_secret(const Region &of)
	{
		ASSERT_EQ(outcome([&] { return tenant(of, of.own(), secret, nullptr); }), 0);
	}

	/// It really is there, for whoever gets around the driver: no test of nothing.
	static void expect_secret(const Region &of)
	{
		PhysicalMemory memory(of);

		for (std::uint64_t offset = 0; offset < of.size; offset += granule)
			ASSERT_EQ(memory.at(offset), secret) << std::hex << offset;
		ASSERT_EQ(memory.at(of.size - 8), secret);
	}
};

} // namespace

TEST_F(Tenants, NothingIsLeftOfThoseWhoWereKilled)
{
	for (std::uint64_t cycle = 1; cycle <= 20 * effort; cycle++) {
		Event settled;
		Child child([&] { return tenant(region, region.own(), cycle, &settled); });

		settled.wait();
		ASSERT_EQ(child.kill(), -SIGKILL);
	}
}

TEST_F(Tenants, NothingIsLeftOfThoseWhoWereKilledAtAnyMoment)
{
	for (std::uint64_t cycle = 1; cycle <= 10 * effort; cycle++) {
		Child child([&] { return tenant(region, region.own(), ~cycle, nullptr); });

		usleep(static_cast<useconds_t>(random() % 100'000));
		const int end = child.kill();
		ASSERT_TRUE(end == -SIGKILL || end == 0) << end;
	}
	EXPECT_EQ(open_and_look(region), 0);
}

TEST_F(Tenants, NothingIsLeftWhenTheDriverWasTakenOffTheRegion)
{
	leave_secret(region);
	unbind(region);
	expect_secret(region);
	bind(region);
	EXPECT_EQ(open_and_look(region), 0);
}

TEST_F(Tenants, NothingIsLeftWhenItWasTakenOffTheGpus)
{
	const std::string gpus = "/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci/";
	std::vector<std::string> addresses;

	std::istringstream lines(text_of(region.sysfs("gpu_devices")));
	for (std::string line; std::getline(lines, line);)
		addresses.push_back(line);

	leave_secret(region);
	for (const std::string &address : addresses)
		write_text(gpus + "unbind", address);
	expect_secret(region);
	for (const std::string &address : addresses)
		write_text(gpus + "bind", address);
	EXPECT_EQ(open_and_look(region), 0);
}

TEST_F(Tenants, NothingIsLeftWhenTheDriverWasUnloaded)
{
	leave_secret(region);
	unload_driver();
	expect_secret(region);
	ASSERT_EQ(load_driver(), 0);
	EXPECT_EQ(open_and_look(region), 0);
}

TEST_F(Tenants, OfManyWhoRaceEachFindsNothingOfTheOthers)
{
	std::vector<std::unique_ptr<Child>> racers;

	for (unsigned int racer = 1; racer <= 64; racer++) {
		racers.push_back(std::make_unique<Child>([&, racer] {
			std::minstd_rand chance(racer);
			UniqueFd owner;

			while (!(owner = region.open(O_RDWR))) {
				if (errno != EBUSY)
					return errno;
				usleep(static_cast<useconds_t>(chance() % 20'000));
			}
			int status = tenant(region, std::move(owner), racer, nullptr);
			if (!status && racer % 2)
				raise(SIGKILL);
			return status;
		}));
	}
	for (unsigned int racer = 1; racer <= 64; racer++)
		EXPECT_EQ(racers[racer - 1]->wait(), racer % 2 ? -SIGKILL : 0) << racer;
}

TEST_F(Tenants, NothingIsLeftWhenOpenersWereKilledAtAnyMomentOfTheirClear)
{
	const unsigned int cycles = 2 + effort / 2;
	unsigned int midway = 0;

	for (unsigned int cycle = 0; cycle < cycles; cycle++) {
		ASSERT_NO_FATAL_FAILURE(leave_secret(large));
		for (int i = 0; i < 3; i++) {
			SlowClear slow;
			Child opener([&] { return large.open_error(O_RDWR); });

			// Once in a part that has been cleared, else perhaps in the first one.
			if (i == 0) {
				ASSERT_TRUE(in_the_midst(large));
			}
			ASSERT_TRUE(wait_until([&] {
				return large.state() == "clearing" || large.state() == "in-use";
			}));
			usleep(static_cast<useconds_t>(random() % 100'000));
			opener.signal(SIGKILL);
			slow.end();
			if (opener.wait() == -SIGKILL)
				midway += number(large, "cleared_bytes") < usable(large);
		}
		UniqueFd owner = large.own();
		ASSERT_EQ(number(large, "cleared_bytes"), usable(large));
		ASSERT_TRUE(cleared(large, Mapping(owner, large.size)));
	}
	EXPECT_GE(midway, cycles);
}

/// With allocations that fail.
class Shortage : public Tenants {
protected:
	void SetUp() override
	{
		Tenants::SetUp();
		Failing::set_up();
	}
};

TEST_F(Shortage, OpenLeavesNothing)
{
	if (!Failing::supported())
		return;

	leave_secret(region);
	unsigned int refused = 0;
	const unsigned int chances = Failing::each_chance(
		[&] { return region.open(O_RDWR); },
		[&](UniqueFd owner, int error, unsigned int failing) {
			if (owner) {
				EXPECT_TRUE(cleared(region, Mapping(owner, region.size)))
					<< failing;
				owner.reset();
			} else {
				EXPECT_TRUE(Failing::expected(error)) << failing << " " << error;
				refused++;
			}
			EXPECT_EQ(region.state(), "idle") << failing;
			leave_secret(region);
		});
	EXPECT_GT(chances, 0u);
	EXPECT_GT(refused, 0u);
	EXPECT_EQ(open_and_look(region), 0);
}

TEST_F(Shortage, OtherCallsSayWhatFailedOrWork)
{
	if (!Failing::supported())
		return;

	UniqueFd owner = large.own();
	Failing::each_chance([&] { return map(owner.get(), large.size, 0, PROT_READ, MAP_SHARED); },
			     [&](void *address, int error, unsigned int failing) {
				     EXPECT_TRUE(address != MAP_FAILED || Failing::expected(error))
					     << failing << " " << error;
				     if (address != MAP_FAILED)
					     munmap(address, large.size);
			     });
	const auto judge = [](int result, int error, unsigned int failing) {
		EXPECT_TRUE(!result || Failing::expected(error)) << failing << " " << error;
	};
	egm_info info = {};
	Failing::each_chance(
		[&] {
			info.argsz = sizeof(info);
			return ioctl(owner.get(), EGM_GET_INFO, &info);
		},
		judge);
	std::array<std::uint64_t, 64> space = {};
	auto *list = reinterpret_cast<egm_retired_pages_list *>(space.data());
	Failing::each_chance(
		[&] {
			list->argsz = sizeof(space);
			return ioctl(owner.get(), EGM_RETIRED_PAGES_LIST, list);
		},
		judge);
	EXPECT_EQ(list->count, large.retired.size());
}

// Whichever process or thread it is that asks for memory on behalf of our code
TEST_F(Shortage, AClearOrAProbeThatFailsLeavesNothing)
{
	if (!Failing::supported())
		return;

	const std::string module = "/sys/module/nvgrace_egm/";
	const std::uint64_t start = std::stoull(text_of(module + "sections/.text"), nullptr, 16);
	const std::uint64_t size = std::stoull(text_of(module + "coresize"));
	std::vector<std::unique_ptr<Setting>> settings;
	for (const std::string kind : Failing::allocators) {
		const auto change = [&](const std::string &name, const std::string &value) {
			settings.push_back(
				std::make_unique<Setting>(Failing::debugfs + kind + name, value));
		};
		change("require-start", std::format("{:#x}", start));
		change("require-end", std::format("{:#x}", start + size));
		change("times", "-1");
	}
	const auto set_probability = [&](const std::string &percent) {
		for (const std::string kind : Failing::allocators)
			write_text(Failing::debugfs + kind + "probability", percent);
	};

	unsigned int failed = 0, opened = 0;
	for (unsigned int round = 0; round < 40 * effort; round++) {
		leave_secret(region);
		set_probability("15");
		UniqueFd owner = region.open(O_RDWR);
		const int error = errno;
		set_probability("0");
		if (owner) {
			ASSERT_TRUE(cleared(region, Mapping(owner, region.size))) << round;
			opened++;
		} else {
			ASSERT_EQ(error, ENOMEM) << round;
			failed++;
		}
		owner.reset();
		ASSERT_EQ(region.state(), "idle");
	}
	EXPECT_GT(opened, 0u);
	EXPECT_GT(failed, 0u);

	for (unsigned int round = 0; round < 40 * effort; round++) {
		unbind(region);
		set_probability("15");
		const int error = try_bind(region);
		set_probability("0");
		if (error) {
			ASSERT_EQ(error, ENOMEM) << round;
			ASSERT_NE(access(region.node().c_str(), F_OK), 0);
			bind(region);
		}
		ASSERT_EQ(open_and_look(region), 0);
	}
}
