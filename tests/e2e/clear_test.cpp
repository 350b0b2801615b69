// SPDX-License-Identifier: GPL-2.0-or-later
//
// The clear: what it overwrites and what it spares, by how many threads and where they run, what it
// says of itself, and how it ends before its time.

#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "clearing.hpp"
#include "kernel_log.hpp"
#include "trace.hpp"
#include "wait.hpp"

using namespace e2e;

namespace {

/// What the log says of a hand-over.
struct HandOver {
	std::uint64_t mebibytes, milliseconds, threads;
};

class Clear : public Clearing {
protected:
	void TearDown() override
	{
		reload_driver();
		Clearing::TearDown();
	}

	KernelLog log;

	std::vector<HandOver> hand_overs(const Region &of)
	{
		const std::regex form(of.name() +
				      ": cleared ([0-9]+) MiB in ([0-9]+) ms, ([0-9]+) threads$");
		std::vector<HandOver> found;
		std::smatch match;

		for (const KernelLog::Record &record : log.records()) {
			if (std::regex_search(record.text, match, form))
				found.push_back({ std::stoull(match[1]), std::stoull(match[2]),
						  std::stoull(match[3]) });
		}
		return found;
	}

	/// How many threads clear a region.
	std::uint64_t threads(const Region &of)
	{
		of.own();
		const std::vector<HandOver> found = hand_overs(of);
		return found.empty() ? 0 : found.back().threads;
	}

	/// Where threads begin to clear.
	static std::set<unsigned int> cpus(const Trace &trace)
	{
		std::set<unsigned int> found;

		for (const Trace::Event &event : trace.events("workqueue_execute_start")) {
			if (event.text.find("function egm_clear_") != std::string::npos)
				found.insert(event.cpu);
		}
		return found;
	}
};

/// CPUs that are offline as long as it lives.
class Offline {
public:
	explicit Offline(std::vector<unsigned int> cpus) : cpus_(std::move(cpus))
	{
		for (unsigned int cpu : cpus_)
			write_text(path(cpu), "0");
	}
	Offline(const Offline &) = delete;
	Offline &operator=(const Offline &) = delete;
	~Offline()
	{
		for (unsigned int cpu : cpus_)
			write_error(path(cpu), "1");
	}

private:
	static std::string path(unsigned int cpu)
	{
		return "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/online";
	}

	std::vector<unsigned int> cpus_;
};

} // namespace

class Threads : public Clear, public testing::WithParamInterface<unsigned int> {};

TEST_P(Threads, LeaveZerosButInRetiredGranules)
{
	reload_driver("clear_threads=" + std::to_string(GetParam()));
	dirty(region);

	Trace trace({ "nvgrace_egm" });
	UniqueFd owner = region.own();
	ASSERT_TRUE(as_new(region, owner));

	// One account of it, three times.
	const std::vector<Trace::Event> events = trace.events();
	ASSERT_EQ(events.size(), 2u);
	EXPECT_EQ(events[0].name, "egm_clear_begin");
	EXPECT_EQ(events[0].number("pxm"), region.pxm);
	EXPECT_EQ(events[0].number("size"), static_cast<std::int64_t>(region.size));
	EXPECT_EQ(events[1].name, "egm_clear_end");
	EXPECT_EQ(events[1].number("pxm"), region.pxm);
	EXPECT_EQ(events[1].number("cleared"), static_cast<std::int64_t>(usable(region)));

	const std::vector<HandOver> said = hand_overs(region);
	ASSERT_EQ(said.size(), 2u);
	EXPECT_EQ(said[1].mebibytes, usable(region) >> 20);
	EXPECT_EQ(said[1].milliseconds,
		  static_cast<std::uint64_t>(events[1].number("ns")) / 1'000'000);
	EXPECT_EQ(said[1].threads, static_cast<std::uint64_t>(events[0].number("threads")));

	EXPECT_EQ(number(region, "cleared_bytes"), usable(region));
	EXPECT_EQ(number(region, "clear_time_ms"), said[1].milliseconds);

	// More than there is work for there need not be.
	EXPECT_GE(said[1].threads, std::min(GetParam(), 4u));
	EXPECT_LE(said[1].threads, GetParam());
}

INSTANTIATE_TEST_SUITE_P(, Threads, testing::Values(1, 2, 3, 64, 1024));

class BadParameter : public Clear, public testing::WithParamInterface<std::string> {};

TEST_P(BadParameter, FailsTheLoadWithOneLine)
{
	unload_driver();
	EXPECT_EQ(load_driver(GetParam()), EINVAL);
	EXPECT_NE(access("/sys/module/nvgrace_egm", F_OK), 0);
	EXPECT_NE(access("/sys/class/egm", F_OK), 0);
	EXPECT_EQ(log.count("nvgrace_egm") + log.count("nvgrace-egm"), 1u);
	EXPECT_EQ(log.count(GetParam().substr(0, GetParam().find('='))), 1u);
	EXPECT_EQ(load_driver(), 0);
}

INSTANTIATE_TEST_SUITE_P(, BadParameter,
			 testing::Values("clear_threads=1025", "clear_threads=4294967295",
					 "clear_threads=-1", "clear_threads=abc",
					 "clear_threads=", "clear_threads=1.5", "map_retired=bogus",
					 "map_retired=", "map_retired=Firmware", "map=bogus"),
			 [](const auto &parameter) {
				 return "Number" + std::to_string(parameter.index);
			 });

TEST_F(Clear, EachCpuNearToTheMemoryHasAThreadUnlessIsolated)
{
	for (const Region &each : regions())
		EXPECT_EQ(threads(each), each.description["expect"]["threads"]) << each.name();
}

TEST_F(Clear, CpusThatAreOfflineHaveNoThread)
{
	const Region other = regions().back();
	ASSERT_EQ(threads(other), 2u);
	{
		Offline one({ 1 });
		EXPECT_EQ(threads(other), 1u);
	}
	EXPECT_EQ(threads(other), 2u);

	// Of the nearest CPUs none is left, or the isolated one: others do it.
	{
		Offline busy({ 2 });
		EXPECT_EQ(threads(region), 2u);
	}
	dirty(region);
	Offline near({ 2, 3 });
	EXPECT_EQ(threads(region), 2u);
	EXPECT_TRUE(as_new(region, region.own()));
}

TEST_F(Clear, WorkersKeepOffIsolatedCpus)
{
	ASSERT_EQ(text_of("/sys/devices/system/cpu/isolated"), "3\n");
	reload_driver("clear_threads=64");

	Trace trace({ "workqueue/workqueue_execute_start" });
	for (int i = 0; i < 5; i++)
		region.own();
	const std::set<unsigned int> seen = cpus(trace);
	EXPECT_FALSE(seen.empty());
	EXPECT_FALSE(seen.contains(3));
}

TEST_F(Clear, WorkersKeepToTheCpusOfTheirWorkqueue)
{
	reload_driver("clear_threads=64");

	for (unsigned int cpu : { 0u, 1u, 2u }) {
		const Setting cpumask(workqueue("cpumask"), std::to_string(1 << cpu));
		dirty(region);
		Trace trace({ "workqueue/workqueue_execute_start" });
		EXPECT_TRUE(as_new(region, region.own()));
		EXPECT_EQ(cpus(trace), std::set{ cpu });
	}
}

TEST_F(Clear, ProgressIsLive)
{
	dirty(region);
	SlowClear slow;
	Event done;
	Child opener([&] {
		UniqueFd owner = region.own();
		done.wait();
		return as_new(region, owner) ? 0 : 1;
	});

	ASSERT_TRUE(in_the_midst(region));
	std::vector<std::uint64_t> bytes, milliseconds;
	std::string state;
	EXPECT_TRUE(wait_until([&] {
		bytes.push_back(number(region, "cleared_bytes"));
		milliseconds.push_back(number(region, "clear_time_ms"));
		state = region.state();
		if (std::set(bytes.begin(), bytes.end()).size() == 4)
			slow.end();
		return state == "in-use";
	}));
	EXPECT_TRUE(std::ranges::is_sorted(bytes));
	EXPECT_TRUE(std::ranges::is_sorted(milliseconds));
	EXPECT_GT(bytes.front(), 0u);
	EXPECT_LT(bytes.front(), usable(region));
	EXPECT_LT(milliseconds.front(), milliseconds.back());
	EXPECT_LE(bytes.back(), usable(region));

	// What has been stays to be seen.
	const std::uint64_t last = number(region, "clear_time_ms");
	EXPECT_GE(last, milliseconds.back());
	EXPECT_EQ(number(region, "cleared_bytes"), usable(region));
	done.set();
	EXPECT_EQ(opener.wait(), 0);
	EXPECT_EQ(number(region, "cleared_bytes"), usable(region));
	EXPECT_EQ(number(region, "clear_time_ms"), last);
}

TEST_F(Clear, TimeDoesNotRunBackwards)
{
	constexpr int readers = 8, clears = 30;

	for (int i = 0; i < clears; i++) {
		std::array<std::uint64_t, readers> seen{};
		std::atomic<bool> ended = false;
		{
			std::vector<std::jthread> threads;

			for (std::uint64_t &mine : seen) {
				threads.emplace_back([&] {
					while (!ended) {
						if (region.state() == "clearing")
							mine = number(region, "clear_time_ms");
					}
				});
			}
			region.own();
			ended = true;
		}
		EXPECT_LE(std::ranges::max(seen), number(region, "clear_time_ms"));
	}
}

TEST_F(Clear, WhoPollsTheStateIsWokenWhenItEnds)
{
	UniqueFd state = open_file(region.sysfs("state"), O_RDONLY);
	const auto read_state = [&] {
		std::array<char, 32> text = {};
		check(pread(state.get(), text.data(), text.size(), 0), "state");
		return std::string(text.data());
	};
	SlowClear slow;
	Event done;
	Child opener([&] {
		UniqueFd owner = region.own();
		done.wait();
		return 0;
	});

	// In every state, wait for the next.
	std::vector<std::string> seen;
	for (;;) {
		if (std::string now = read_state(); seen.empty() || seen.back() != now)
			seen.push_back(now);
		if (seen.back() == "in-use\n")
			break;
		if (seen.back() == "clearing\n")
			slow.end();
		pollfd poller = { .fd = state.get(), .events = POLLPRI, .revents = 0 };
		ASSERT_EQ(poll(&poller, 1, 60'000), 1) << "asleep in state " << seen.back();
	}
	EXPECT_EQ(std::ranges::count(seen, "clearing\n"), 1);
	done.set();
	EXPECT_EQ(opener.wait(), 0);
}

TEST_F(Clear, EndsWithItsOpener)
{
	dirty(region);
	Trace trace({ "nvgrace_egm" });
	{
		SlowClear slow;
		Child opener([&] { return region.open_error(O_RDWR); });
		ASSERT_TRUE(in_the_midst(region));
		EXPECT_EQ(opener.kill(), -SIGKILL);
		EXPECT_EQ(region.state(), "idle");
	}

	const std::uint64_t done = number(region, "cleared_bytes");
	EXPECT_GT(done, 0u);
	EXPECT_LT(done, usable(region));
	EXPECT_TRUE(hand_overs(region).size() == 1) << "that of dirty() alone";
	const std::vector<Trace::Event> events = trace.events();
	ASSERT_EQ(events.size(), 2u);
	EXPECT_EQ(events[1].name, "egm_clear_abort");
	EXPECT_EQ(events[1].number("pxm"), region.pxm);
	EXPECT_EQ(events[1].number("cleared"), static_cast<std::int64_t>(done));
	EXPECT_EQ(events[1].number("error"), -EINTR);

	// Nobody goes on with it, and the next one begins anew.
	std::this_thread::sleep_for(std::chrono::milliseconds(200));
	EXPECT_EQ(number(region, "cleared_bytes"), done);
	UniqueFd owner = region.own();
	EXPECT_EQ(number(region, "cleared_bytes"), usable(region));
	EXPECT_TRUE(as_new(region, owner));
}

TEST_F(Clear, EndsWithTheRegion)
{
	constexpr std::uint64_t left = 0x1eaf'1eaf'1eaf'1eaf;
	bool interrupted = false;

	reload_driver("clear_threads=3");
	// Where all share one CPU, the clear may be over before the region goes.
	for (int attempt = 0; attempt < 5 && !interrupted; attempt++) {
		dirty(region);
		const std::size_t before = hand_overs(region).size();
		Trace trace({ "nvgrace_egm" });
		SlowClear slow;
		Child opener([&] { return region.open_error(O_RDWR); });
		ASSERT_TRUE(in_the_midst(region));
		unbind(region);

		// The memory is whose it may be: from here on nobody of ours touches it.
		{
			PhysicalMemory memory(region);
			std::uint64_t marks = 0;
			for (std::uint64_t offset = 0; offset < region.size; offset += granule) {
				marks += memory.at(offset) == mark(offset);
				memory.set(offset, left);
			}
			interrupted = marks > region.retired.size();
			slow.end();
			const int error = opener.wait();
			EXPECT_TRUE(error == ENODEV || !interrupted) << error;
			std::this_thread::sleep_for(std::chrono::milliseconds(500));
			for (std::uint64_t offset = 0; offset < region.size; offset += granule)
				ASSERT_EQ(memory.at(offset), left) << std::hex << offset;
		}
		const std::vector<Trace::Event> events = trace.events();
		bind(region);
		if (!interrupted)
			continue;

		ASSERT_EQ(events.size(), 2u);
		EXPECT_EQ(events[1].name, "egm_clear_abort");
		EXPECT_LT(events[1].number("cleared"), static_cast<std::int64_t>(usable(region)));
		EXPECT_EQ(events[1].number("error"), -ENODEV);
		EXPECT_EQ(hand_overs(region).size(), before);
	}
	EXPECT_TRUE(interrupted) << "each clear was over before the region went";
	EXPECT_TRUE(cleared(region, Mapping(region.own(), region.size)));
}

TEST_F(Clear, LeavesOtherRegionsAlone)
{
	const std::vector<Region> both = regions();

	reload_driver("clear_threads=64");
	for (const Region &mine : both) {
		UniqueFd owner = mine.own();
		Mapping memory(owner, mine.size);
		fill(memory);
		for (const Region &other : both) {
			for (int i = 0; i < 5 && other.pxm != mine.pxm; i++)
				EXPECT_EQ(other.open_error(O_RDWR), 0);
		}
		EXPECT_TRUE(filled(memory)) << mine.name();
	}
}

TEST_F(Clear, RegionsAreClearedAtOnce)
{
	const Region other = regions().back();
	bool together = false;

	reload_driver("clear_threads=3");
	dirty(region);
	dirty(other);
	{
		SlowClear slow;
		Child first([&] { return open_and_look(region); });
		ASSERT_TRUE(in_the_midst(region));
		Child second([&] { return open_and_look(other); });
		EXPECT_TRUE(wait_until([&] {
			const std::string state = other.state();
			together |= state == "clearing" && region.state() == "clearing";
			return together || state == "in-use";
		}));
		slow.end();
		EXPECT_EQ(first.wait(), 0);
		EXPECT_EQ(second.wait(), 0);
	}
	EXPECT_TRUE(together);
	EXPECT_EQ(other.state(), "idle");
}

TEST_F(Clear, CpusMayComeAndGo)
{
	const std::vector<Region> both = regions();
	std::atomic<bool> enough = false;
	std::atomic<int> rounds = 0;

	reload_driver("clear_threads=64");
	for (const Region &each : both)
		dirty(each);
	std::jthread changes([&] {
		while (!enough) {
			{
				Offline three({ 1, 2, 3 });
			}
			Offline one({ 1u + static_cast<unsigned int>(rounds) % 2 });
			rounds++;
		}
	});

	// The larger one now and then: to look at it takes longer than to clear it.
	for (int clear = 0; !HasFailure() && (clear < 20 || rounds < 4); clear++) {
		const Region &each = both[clear % 5 ? 1 : 0];
		UniqueFd owner = each.own();
		EXPECT_TRUE(as_new(each, owner)) << "clear " << clear;
		Mapping memory(owner, each.size);
		for (std::uint64_t offset = 0; offset < each.size; offset += granule)
			*memory.word(offset) = mark(offset);
	}
	enough = true;
}

TEST_F(Clear, OutlastsItsOnlyCpu)
{
	dirty(region);
	SlowClear slow;
	Child opener([&] { return open_and_look(region); });

	ASSERT_TRUE(in_the_midst(region));
	Offline it({ SlowClear::cpu() });
	slow.end();
	EXPECT_EQ(opener.wait(), 0);
}
