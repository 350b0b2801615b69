// SPDX-License-Identifier: GPL-2.0-or-later
//
// Memory that fails while the host runs: who gets a signal, who is told, and what later owners see.
//
// An error is simulated by the kernel's own attribute (as for a page that a process has consumed),
// or reported by firmware, which is QEMU around this host. Told.* need a kernel that tells drivers
// of such memory, NotTold.* one that does not; the suite knows which it is.

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <format>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linux/egm.h>

#include "child.hpp"
#include "kernel_log.hpp"
#include "memory_error.hpp"
#include "region.hpp"
#include "uevents.hpp"
#include "wait.hpp"

using namespace e2e;

namespace {

const std::uint64_t page = static_cast<std::uint64_t>(getpagesize());

/// How many granules the module has room for, and how many reports before it records them.
constexpr unsigned int room = 1024, waiting = 64;

struct Line {
	std::uint64_t offset;
	std::string origin;
	friend bool operator==(const Line &, const Line &) = default;
};

/// A region and its lists.
class Memory {
public:
	explicit Memory(std::size_t number) : region(regions().at(number)) {}

	std::uint64_t address(std::uint64_t offset) const
	{
		return std::stoull(region.attribute("base"), nullptr, 16) + offset;
	}

	/// The list by sysfs.
	std::vector<Line> lines() const
	{
		std::ifstream file(region.sysfs("retired_pages"));
		std::vector<Line> lines;
		std::string offset, size, origin;

		while (file >> offset >> size >> origin) {
			EXPECT_EQ(std::stoull(size, nullptr, 16), granule);
			lines.push_back({ std::stoull(offset, nullptr, 16), origin });
		}
		return lines;
	}

	bool listed(std::uint64_t offset) const
	{
		return std::ranges::any_of(lines(),
					   [&](const Line &line) { return line.offset == offset; });
	}

	/// The list by ioctl(2).
	std::vector<std::uint64_t> offsets() const
	{
		const UniqueFd fd = open_file(region.node(), O_RDONLY);
		std::vector<std::uint64_t> buffer(1 << 14);
		auto *list = reinterpret_cast<egm_retired_pages_list *>(buffer.data());
		std::vector<std::uint64_t> offsets;

		list->argsz = static_cast<std::uint32_t>(buffer.size() * 8);
		check(ioctl(fd.get(), EGM_RETIRED_PAGES_LIST, list), "EGM_RETIRED_PAGES_LIST");
		for (std::uint32_t i = 0; i < list->count; i++) {
			EXPECT_EQ(list->pages[i].size, granule);
			offsets.push_back(list->pages[i].offset);
		}
		return offsets;
	}

	egm_info info() const
	{
		const UniqueFd fd = open_file(region.node(), O_RDONLY);
		egm_info info = {};

		info.argsz = sizeof(info);
		check(ioctl(fd.get(), EGM_GET_INFO, &info), "EGM_GET_INFO");
		return info;
	}

	unsigned int count() const
	{
		return static_cast<unsigned int>(std::stoul(region.attribute("poison_count")));
	}

	/// Bytes that the last clear has overwritten, or the one under way has so far.
	std::uint64_t cleared() const { return std::stoull(region.attribute("cleared_bytes")); }

	/// So many granules in a row that have not failed, as little as their neighbours; others
	/// each time.
	std::uint64_t fresh(std::uint64_t granules = 1)
	{
		const std::vector<Line> known = lines();

		for (;;) {
			const std::uint64_t start = next_ + granule;

			next_ = start + (granules + 1) * granule;
			EXPECT_LE(next_, region.size) << "the tests have used up " << region.name();
			if (std::ranges::none_of(known, [&](const Line &line) {
				    return line.offset + granule >= start && line.offset < next_;
			    }))
				return start;
		}
	}

	const Region region;

private:
	std::uint64_t next_ = 4 << 20;
};

/// Where they are in the description of the host
enum Number : std::size_t { all_struct_pages, some_struct_pages, usual, wide };

/// The region of most tests.
Memory &memory()
{
	static Memory region(usual);
	return region;
}

Firmware &firmware()
{
	static Firmware firmware;
	return firmware;
}

/// Simulates errors of pages from a process that maps none of them.
void fail_elsewhere(std::vector<std::uint64_t> offsets)
{
	for (std::uint64_t &offset : offsets)
		offset = memory().address(offset);
	simulate_errors_elsewhere(offsets);
}

testing::AssertionResult becomes_listed(std::uint64_t offset, const Memory &where = memory())
{
	if (wait_until([&] { return where.listed(offset); }))
		return testing::AssertionSuccess();
	return testing::AssertionFailure() << std::format("{:#x} is not on the list", offset);
}

/// All that was reported until now is on the list, or never will be.
void settle(Memory &where = memory())
{
	const std::uint64_t last = where.fresh();

	firmware().report(where.address(last));
	ASSERT_TRUE(becomes_listed(last, where));
}

std::string parameter(const std::string &name)
{
	std::ifstream file("/sys/module/nvgrace_egm/parameters/" + name);
	std::string value;

	file >> value;
	return value;
}

/// The last page of a granule.
std::uint64_t page_of(std::uint64_t offset)
{
	return offset + granule - page;
}

class Told : public testing::Test {
protected:
	UniqueFd owner = memory().region.own();
};

using NotTold = Told;

/// A granule is on the list before it is announced. Opening waits for both, so that no test hears
/// what another one has reported.
void hear_out(const Memory &where = memory())
{
	where.region.own();
}

class Reported : public testing::Test {
protected:
	Reported() { hear_out(); }
};

} // namespace

TEST_F(Told, WhoConsumesItIsToldTheExactAddress)
{
	const std::uint64_t at = memory().fresh();
	const Mapping whole(owner, memory().region.size);

	EXPECT_TRUE(
		is(errors_of([&] { return !simulate_error(memory().address(page_of(at)) + 64); }),
		   BUS_MCEERR_AR, whole.data() + page_of(at)));
	EXPECT_TRUE(becomes_listed(at));
}

TEST_F(Told, WhoAskedToKnowIsToldTheExactAddressAndNobodyElse)
{
	const std::uint64_t at = memory().fresh();
	const Mapping whole(owner, memory().region.size);
	// This process, which maps it, has nothing to survive SIGBUS with.
	Witness asked(Witness::Wants::early), too(Witness::Wants::early),
		not_asked(Witness::Wants::nothing);

	fail_elsewhere({ page_of(at) });
	EXPECT_TRUE(is(asked.seen(), BUS_MCEERR_AO, whole.data() + page_of(at)));
	EXPECT_TRUE(is(too.seen(), BUS_MCEERR_AO, whole.data() + page_of(at)));
	EXPECT_TRUE(becomes_listed(at));
	EXPECT_EQ(asked.end().count, 1);
	EXPECT_EQ(not_asked.end().count, 0);
}

TEST_F(Told, WhereTheHostSaysSoEverybodyWhoMapsItIsTold)
{
	const std::uint64_t at = memory().fresh();
	Mapping whole(owner, memory().region.size);
	std::byte *const place = whole.data() + at;
	Witness not_asked(Witness::Wants::nothing);

	whole = {};
	run({ "sysctl", "-q", "vm.memory_failure_early_kill=1" });
	fail_elsewhere({ at });
	run({ "sysctl", "-q", "vm.memory_failure_early_kill=0" });
	EXPECT_TRUE(is(not_asked.seen(), BUS_MCEERR_AO, place));
	EXPECT_TRUE(becomes_listed(at));
}

TEST_F(Told, WhatFirmwareReportsIsToldToWhoAsked)
{
	const std::uint64_t at = memory().fresh();
	const Mapping whole(owner, memory().region.size);
	Witness asked(Witness::Wants::early), not_asked(Witness::Wants::nothing);
	const unsigned int before = memory().count();

	firmware().report(memory().address(page_of(at)));
	EXPECT_TRUE(is(asked.seen(), BUS_MCEERR_AO, whole.data() + page_of(at)));
	EXPECT_TRUE(becomes_listed(at));
	EXPECT_EQ(asked.end().count, 1);
	EXPECT_EQ(not_asked.end().count, 0);
	settle();
	// It was heard of in two ways.
	EXPECT_EQ(memory().count(), before + 2);
}

TEST_F(Told, OnlyAMappingThatHoldsThePageCounts)
{
	const std::uint64_t at = memory().fresh(20);
	const std::uint64_t low_end = at + 4 * granule, high_start = at + 16 * granule;
	const Mapping low(owner, 4 * granule, at), high(owner, 4 * granule, high_start);

	ASSERT_EQ(munmap(low.data() + granule, granule), 0);
	Witness asked(Witness::Wants::early);

	// Below both, in a gap, between both, above both: no address can be told, and a process of
	// which that is held to be an error gets SIGKILL.
	fail_elsewhere({ at - page, at + granule, page_of(at + granule), low_end, high_start - page,
			 high_start + 4 * granule });
	for (std::uint64_t offset : { at - granule, at + granule, low_end, high_start - granule,
				      high_start + 4 * granule })
		EXPECT_TRUE(becomes_listed(offset));

	int told = 0;
	const struct {
		std::uint64_t offset;
		const std::byte *place;
	} pages[] = {
		{ at, low.data() },
		{ page_of(at), low.data() + granule - page },
		{ at + 2 * granule, low.data() + 2 * granule },
		{ low_end - page, low.data() + 4 * granule - page },
		{ high_start, high.data() },
		{ high_start + 4 * granule - page, high.data() + 4 * granule - page },
	};
	for (const auto &failed : pages) {
		fail_elsewhere({ failed.offset });
		told++;
		EXPECT_TRUE(is(asked.seen(told), BUS_MCEERR_AO, failed.place, told))
			<< std::hex << failed.offset - at;
	}
	EXPECT_EQ(asked.end().count, told);
}

TEST_F(Told, NobodyOfAGranuleThatHeDoesNotGet)
{
	const std::uint64_t at = memory().fresh(2);

	firmware().report(memory().address(at));
	ASSERT_TRUE(becomes_listed(at));
	owner.reset();
	owner = memory().region.own();
	const Mapping whole(owner, memory().region.size);
	Witness asked(Witness::Wants::early);

	fail_elsewhere({ at, page_of(at) });
	fail_elsewhere({ at + granule });
	EXPECT_TRUE(is(asked.seen(), BUS_MCEERR_AO, whole.data() + at + granule));
	EXPECT_EQ(asked.end().count, 1);
}

TEST_F(Told, AMappingThatMovedIsFoundWhereItIs)
{
	const std::uint64_t at = memory().fresh(4);
	const Mapping slice(owner, 4 * granule, at);
	void *const place =
		mmap(nullptr, 2 * granule, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(place, MAP_FAILED);
	ASSERT_EQ(mremap(slice.data() + 2 * granule, 2 * granule, 2 * granule,
			 MREMAP_MAYMOVE | MREMAP_FIXED, place),
		  place);
	Witness asked(Witness::Wants::early);
	fail_elsewhere({ at + 3 * granule });
	EXPECT_TRUE(is(asked.seen(), BUS_MCEERR_AO, static_cast<std::byte *>(place) + granule));
	fail_elsewhere({ at });
	EXPECT_TRUE(is(asked.seen(2), BUS_MCEERR_AO, slice.data(), 2));
	EXPECT_EQ(asked.end().count, 2);
	munmap(place, 2 * granule);
}

TEST_F(Told, AllPagesOfAGranuleAreOneGranule)
{
	const std::uint64_t at = memory().fresh();
	const Mapping whole(owner, memory().region.size);
	const unsigned int before = memory().count();
	const int pages = static_cast<int>(granule / page);
	Witness asked(Witness::Wants::early);
	std::vector<std::uint64_t> offsets;
	Uevents uevents;

	for (std::uint64_t offset = at; offset < at + granule; offset += page)
		offsets.push_back(offset);
	fail_elsewhere(offsets);
	// Signals of the same kind that are not yet taken are one.
	asked.seen();
	EXPECT_LE(asked.end().count, pages);
	ASSERT_TRUE(becomes_listed(at));
	settle();
	EXPECT_EQ(memory().count(), before + 2);
	EXPECT_EQ(uevents.where("OFFSET", std::format("{:#x}", at)).size(), 1u);
}

// A limit that the manual tells of: who is not to get a signal is not looked up, so the module is
// not asked.
TEST_F(Told, WhatIsSimulatedWhereNobodyAskedIsNotSeen)
{
	const std::uint64_t at = memory().fresh(), unmapped = memory().fresh();
	const unsigned int before = memory().count();
	const Mapping slice(owner, granule, at);
	Witness not_asked(Witness::Wants::nothing);

	fail_elsewhere({ at, unmapped });
	settle();
	EXPECT_EQ(memory().count(), before + 1);
	EXPECT_FALSE(memory().listed(at));
	EXPECT_FALSE(memory().listed(unmapped));
	EXPECT_EQ(not_asked.end().count, 0);
}

// A report may come where nothing can wait: what the module has no room for, it can only count.
TEST_F(Told, MoreAtOnceThanCanWaitIsCounted)
{
	constexpr unsigned int burst = 2 * waiting;
	const std::uint64_t first = memory().fresh(burst);
	const unsigned int before = memory().count();
	const Mapping whole(owner, memory().region.size);
	const Witness asked(Witness::Wants::early);
	std::vector<std::uint64_t> addresses;
	KernelLog log;

	for (unsigned int i = 0; i < burst; i++)
		addresses.push_back(memory().address(first + i * granule));
	simulate_errors_at_once(addresses);
	ASSERT_TRUE(wait_until(
		[&] { return memory().count() - before + memory().info().poison_lost >= burst; }));
	EXPECT_GT(memory().info().poison_lost, 0u) << "they did not come at once";
	EXPECT_GE(memory().count() - before, waiting);
	EXPECT_TRUE(wait_until([&] { return log.count("reports of failed memory lost") >= 1; }));
}

TEST_F(NotTold, ASimulatedErrorHasNoEffect)
{
	const std::uint64_t at = memory().fresh();
	const unsigned int before = memory().count();
	const Mapping whole(owner, memory().region.size);
	Witness asked(Witness::Wants::early);

	EXPECT_EQ(errors_of([&] { return simulate_error(memory().address(at)) == ENXIO; }).count,
		  0);
	settle();
	EXPECT_EQ(memory().count(), before + 1);
	EXPECT_FALSE(memory().listed(at));
	EXPECT_EQ(asked.end().count, 0);
}

TEST_F(NotTold, WhatFirmwareReportsIsListedAndNobodyGetsASignal)
{
	const std::uint64_t at = memory().fresh();
	const Mapping whole(owner, memory().region.size);
	Witness asked(Witness::Wants::early);

	firmware().report(memory().address(at));
	EXPECT_TRUE(becomes_listed(at));
	EXPECT_EQ(asked.end().count, 0);
}

TEST_F(Reported, WhoeverHasTheRegionItIsListed)
{
	const std::array<std::uint64_t, 3> offsets = { memory().fresh(), memory().fresh(),
						       memory().fresh() };

	ASSERT_EQ(memory().region.state(), "idle");
	firmware().report(memory().address(offsets[0]));
	EXPECT_TRUE(becomes_listed(offsets[0]));

	const UniqueFd owner = memory().region.own();
	firmware().report(memory().address(offsets[1]));
	EXPECT_TRUE(becomes_listed(offsets[1]));

	const Mapping whole(owner, memory().region.size);
	*whole.word(offsets[2]) = mark(offsets[2]);
	firmware().report(memory().address(offsets[2]));
	EXPECT_TRUE(becomes_listed(offsets[2]));
}

TEST_F(Reported, ItIsTheLastGranuleAndTheFirstOneButNoneBeyond)
{
	const std::uint64_t size = memory().region.size;
	const unsigned int before = memory().count();

	firmware().report(memory().address(0) - 1);
	firmware().report(memory().address(size));
	firmware().report(0);
	firmware().report(~0ull);
	settle();
	EXPECT_EQ(memory().count(), before + 1);
	firmware().report(memory().address(size - 1));
	EXPECT_TRUE(becomes_listed(size - granule));
	firmware().report(memory().address(0));
	EXPECT_TRUE(becomes_listed(0));
	EXPECT_EQ(memory().count(), before + 3);
}

TEST_F(Reported, OnlyWhatIsNewIsAdded)
{
	const std::uint64_t at = memory().fresh(), corrected = memory().fresh();
	const unsigned int before = memory().count();
	const std::uint64_t retired = memory().region.retired.front();
	Uevents uevents;

	firmware().report_corrected(memory().address(corrected));
	firmware().report(memory().address(retired));
	firmware().report(memory().address(retired + granule - 1));
	for (std::uint64_t offset : { at, at, at + granule - 1, at + granule / 2 })
		firmware().report(memory().address(offset));
	settle();
	EXPECT_EQ(memory().count(), before + 2);
	EXPECT_TRUE(memory().listed(at));
	EXPECT_FALSE(memory().listed(corrected));
	ASSERT_TRUE(wait_until([&] { return uevents.where("EGM_EVENT", "poison").size() >= 2; }));
	EXPECT_EQ(uevents.where("EGM_EVENT", "poison").size(), 2u);
}

TEST_F(Reported, EverybodyIsToldWhoWantsToKnow)
{
	const Region &region = memory().region;
	const std::uint64_t lower = memory().fresh(3), upper = lower + 2 * granule;
	const std::vector<Line> lines_before = memory().lines();
	const egm_info info_before = memory().info();
	const unsigned int before = memory().count();
	Uevents uevents;
	UniqueFd attribute = open_file(region.sysfs("poison_count"), O_RDONLY);
	std::array<char, 16> text;
	pollfd poll_fd = { .fd = attribute.get(), .events = POLLPRI, .revents = 0 };

	check(read(attribute.get(), text.data(), text.size()), "poison_count");
	EXPECT_EQ(poll(&poll_fd, 1, 0), 0);
	firmware().report(memory().address(upper + 100));
	EXPECT_EQ(poll(&poll_fd, 1, static_cast<int>(patience.count()) * 1000), 1);
	EXPECT_TRUE(poll_fd.revents & POLLPRI);
	firmware().report(memory().address(lower));
	ASSERT_TRUE(becomes_listed(lower));

	EXPECT_EQ(memory().count(), before + 2);
	EXPECT_EQ(region.attribute("retired_count"), std::to_string(lines_before.size() + 2));
	// As they came
	std::vector<Line> lines = lines_before;
	lines.push_back({ upper, "runtime" });
	lines.push_back({ lower, "runtime" });
	EXPECT_EQ(memory().lines(), lines);
	// In ascending order, each once
	std::set<std::uint64_t> offsets;
	for (const Line &line : lines)
		offsets.insert(line.offset);
	EXPECT_EQ(offsets.size(), lines.size());
	EXPECT_EQ(memory().offsets(), std::vector(offsets.begin(), offsets.end()));

	const egm_info info = memory().info();
	EXPECT_EQ(info.poison_count, before + 2);
	EXPECT_EQ(info.poison_count, info_before.poison_count + 2);
	EXPECT_EQ(info.retired_count, lines.size());
	EXPECT_EQ(info.poison_lost, 0u);
	EXPECT_EQ(info.granule, granule);

	ASSERT_TRUE(wait_until([&] { return uevents.where("EGM_EVENT", "poison").size() >= 2; }));
	std::vector<Uevents::Event> events = uevents.where("EGM_EVENT", "poison");
	ASSERT_EQ(events.size(), 2u);
	for (std::size_t i = 0; i < 2; i++) {
		EXPECT_EQ(events[i]["ACTION"], "change");
		EXPECT_EQ(events[i]["SUBSYSTEM"], "egm");
		EXPECT_EQ(events[i]["DEVNAME"], region.name());
		EXPECT_EQ(events[i]["OFFSET"], std::format("{:#x}", i ? lower : upper));
		EXPECT_EQ(events[i]["SIZE"], "0x10000");
	}
	// Not each has a line of its own in the log, if many come at once.
	EXPECT_GE(KernelLog(KernelLog::Start::boot)
			  .count(std::format("{}: memory at offset {:#x} failed", region.name(),
					     lines[region.retired.size()].offset)),
		  1u);
}

TEST_F(Reported, TheOwnerKeepsItAndTheNextClearSparesIt)
{
	const std::uint64_t at = memory().fresh();
	{
		const UniqueFd owner = memory().region.own();
		const Mapping whole(owner, memory().region.size);

		for (std::uint64_t offset = at - granule; offset < at + 2 * granule; offset += 8)
			*whole.word(offset) = mark(offset);
		firmware().report(memory().address(at));
		ASSERT_TRUE(becomes_listed(at));
		EXPECT_EQ(read_error(whole.data() + at).count, 0);
		EXPECT_EQ(*whole.word(at), mark(at));
		// Where it had no entry yet, too
		const Mapping again(owner, granule, at);
		EXPECT_EQ(read_error(again.data()).count, 0);
	}
	const UniqueFd owner = memory().region.own();
	const Mapping whole(owner, memory().region.size);

	for (std::uint64_t offset = at - granule; offset < at; offset += 8)
		ASSERT_EQ(*whole.word(offset), 0u);
	for (std::uint64_t offset = at + granule; offset < at + 2 * granule; offset += 8)
		ASSERT_EQ(*whole.word(offset), 0u);
	for (std::uint64_t offset : { at, at + 77, at + granule - 1 })
		EXPECT_TRUE(is(read_error(whole.data() + offset), BUS_MCEERR_AR,
			       whole.data() + offset));
	// A touch beside it fills the table that both are in.
	EXPECT_TRUE(is(read_error(whole.data() + at, whole.data() + at + granule), BUS_MCEERR_AR,
		       whole.data() + at));
}

// Only firmware can: while the region is cleared, nobody maps it.
TEST_F(Reported, WhatFailsDuringAClearIsNotMappedForThatOwner)
{
	Memory large(wide);
	bool in_time = false;

	for (int round = 0; round < 100 && !in_time && !testing::Test::HasFailure(); round++) {
		const std::uint64_t at = large.fresh();
		Event done;
		Child opener([&] {
			const UniqueFd owner = large.region.own();
			const Mapping slice(owner, granule, at);
			done.wait();
			return read_error(slice.data()).code;
		});

		EXPECT_TRUE(wait_until([&] { return large.region.state() != "idle"; }));
		firmware().report(large.address(at));
		wait_until([&] { return large.listed(at) || large.region.state() != "clearing"; });
		// What is cleared still when it is on the list is mapped by that list. The state
		// alone tells too little: the list is read before it leaves "clearing".
		in_time = large.listed(at) && large.region.state() == "clearing" &&
			  large.cleared() + large.lines().size() * granule < large.region.size;
		done.set();
		const int code = opener.wait();
		EXPECT_EQ(code, in_time ? BUS_MCEERR_AR : code);
		EXPECT_TRUE(becomes_listed(at, large));
	}
	EXPECT_TRUE(in_time) << "never listed while the region is cleared";
}

TEST(Support, IsWhatTheKernelCanDo)
{
	const bool told = std::getenv("EGM_KERNEL_TELLS") != nullptr;

	for (std::size_t number = 0; number < regions().size(); number++) {
		const Memory where(number);
		const bool pages = where.region.description.contains("expect");
		const std::string expected = told && !pages ? "supported" : "unsupported";

		EXPECT_EQ(where.region.attribute("poison"), expected) << where.region.name();
		EXPECT_EQ(where.info().poison, expected == "supported" ? 1u : 0u);
		EXPECT_EQ(KernelLog(KernelLog::Start::boot)
				  .count(where.region.name() + ": poison=unsupported"),
			  expected == "supported" ? 0u : 1u);
	}
}

TEST(Support, MemoryWithStructPagesIsTheKernelsOwn)
{
	for (Number number : { all_struct_pages, some_struct_pages }) {
		Memory where(number);
		const UniqueFd owner = where.region.own();
		const Mapping whole(owner, granule);

		// It has the pages, but none that it would look after.
		EXPECT_EQ(
			errors_of([&] { return simulate_error(where.address(0)) == ENXIO; }).count,
			0);
		// Firmware is heard all the same.
		settle(where);
		EXPECT_EQ(where.count(), 1u);
		EXPECT_FALSE(where.listed(0));
	}
}

namespace {

/// With one more granule that failed before the owner came.
class MapRetired : public testing::Test {
protected:
	static void SetUpTestSuite()
	{
		failed_ = memory().fresh();
		firmware().report(memory().address(failed_));
		ASSERT_TRUE(becomes_listed(failed_));
	}

	static bool is_mapped(const Line &line)
	{
		return parameter("map_retired") == "all" ||
		       (parameter("map_retired") == "firmware" && line.origin == "firmware");
	}

	static std::vector<std::uint64_t> holes()
	{
		std::vector<std::uint64_t> holes;

		for (const Line &line : memory().lines()) {
			if (!is_mapped(line))
				holes.push_back(line.offset);
		}
		return holes;
	}

	static inline std::uint64_t failed_;
	const Region &region = memory().region;
	const UniqueFd owner = region.own();
};

} // namespace

TEST_F(MapRetired, WhatIsMappedIsAsTheParameterSays)
{
	const Mapping whole(owner, region.size);
	bool firmware_seen = false, runtime_seen = false;

	for (const Line &line : memory().lines()) {
		(line.origin == "firmware" ? firmware_seen : runtime_seen) = true;
		for (std::uint64_t offset :
		     { line.offset, line.offset + granule / 2 + 1, line.offset + granule - 1 }) {
			std::byte *const place = whole.data() + offset;

			if (is_mapped(line)) {
				EXPECT_EQ(read_error(place).count, 0) << std::hex << offset;
				EXPECT_EQ(write_error(place).count, 0) << std::hex << offset;
			} else {
				EXPECT_TRUE(is(read_error(place), BUS_MCEERR_AR, place));
				EXPECT_TRUE(is(write_error(place), BUS_MCEERR_AR, place));
			}
		}
		if (firmware_seen && runtime_seen)
			break;
	}
	EXPECT_TRUE(firmware_seen && runtime_seen);
}

TEST_F(MapRetired, AllThatIsMappedCanBeUsed)
{
	const std::vector<std::uint64_t> holes = MapRetired::holes();
	const Mapping whole(owner, region.size);
	const auto used = [&](const std::function<void(std::uint64_t &, std::uint64_t)> &use) {
		std::size_t hole = 0;
		std::vector<std::uint64_t> sorted = holes;

		std::ranges::sort(sorted);
		for (std::uint64_t start = 0; start < region.size; start += granule) {
			if (hole < sorted.size() && sorted[hole] == start) {
				hole++;
				continue;
			}
			for (std::uint64_t offset = start; offset < start + granule; offset += page)
				use(*whole.word(offset), offset);
		}
	};

	// The holes' neighbours among them, by the page
	EXPECT_EQ(outcome([&] {
			  bool good = true;
			  used([](std::uint64_t &word, std::uint64_t offset) {
				  word = mark(offset);
			  });
			  used([&](std::uint64_t &word, std::uint64_t offset) {
				  good = good && word == mark(offset);
			  });
			  return good ? 0 : 1;
		  }),
		  0);
}

TEST_F(MapRetired, AHoleStaysOneHoweverItIsMapped)
{
	const std::vector<std::uint64_t> holes = MapRetired::holes();
	const std::vector<std::uint64_t> places = { failed_, region.retired.front() };

	for (std::uint64_t at : places) {
		const bool hole = std::ranges::find(holes, at) != holes.end();
		const int count = hole ? 1 : 0;

		// By itself, from its last page on, and all pages at once
		EXPECT_EQ(read_error(Mapping(owner, granule, at).data()).count, count);
		const Mapping end(owner, 2 * granule, page_of(at));
		EXPECT_EQ(read_error(end.data()).count, count);
		EXPECT_EQ(read_error(end.data() + page).count, 0);
		EXPECT_EQ(map_error(owner.get(), 3 * granule, at - granule, PROT_READ,
				    MAP_SHARED | MAP_POPULATE),
			  0);

		// Moved by a page
		const Mapping from(owner, 3 * granule, at - granule);
		void *const place =
			mmap(nullptr, 4 * granule, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		std::byte *const to = static_cast<std::byte *>(place) + page;
		ASSERT_NE(place, MAP_FAILED);
		ASSERT_EQ(mremap(from.data(), 3 * granule, 3 * granule,
				 MREMAP_MAYMOVE | MREMAP_FIXED, to),
			  to);
		EXPECT_EQ(read_error(to + granule - 1).count, 0);
		EXPECT_EQ(read_error(to + granule).count, count);
		EXPECT_EQ(read_error(to + 2 * granule - 1).count, count);
		EXPECT_EQ(read_error(to + 2 * granule).count, 0);

		// A system call does not raise a signal.
		std::array<int, 2> ends;
		ASSERT_EQ(pipe(ends.data()), 0);
		const UniqueFd out(ends[0]), in(ends[1]);
		errno = 0;
		EXPECT_EQ(write(in.get(), to + granule, 1), hole ? -1 : 1);
		EXPECT_EQ(errno, hole ? EFAULT : 0);
		munmap(place, 4 * granule);
	}
}

TEST(Overflow, WhatFindsNoRoomIsCountedAndTheHostGoesOn)
{
	Memory large(wide);
	const unsigned int before = large.count();
	constexpr unsigned int more = 3;
	std::uint64_t last = 0;
	// Whose event it is does not count below.
	hear_out();
	hear_out(large);
	Uevents uevents;

	ASSERT_LT(before, room);
	for (unsigned int count = before; count < room; count++) {
		last = large.region.size - (count + 1) * granule;
		firmware().report(large.address(last));
	}
	ASSERT_TRUE(becomes_listed(last, large));
	EXPECT_EQ(large.count(), room);
	EXPECT_EQ(large.info().poison_lost, 0u);

	// What was said so far may be more than the kernel remembers.
	KernelLog log;
	for (unsigned int i = 0; i < more; i++)
		firmware().report(large.address(i * granule));
	ASSERT_TRUE(wait_until([&] { return large.info().poison_lost >= more; }));
	// What is on the list is not lost.
	firmware().report(large.address(last));
	EXPECT_EQ(large.count(), room);
	EXPECT_EQ(large.lines().size(), room);
	EXPECT_EQ(large.offsets().size(), room);
	EXPECT_EQ(uevents.where("EGM_EVENT", "poison").size(), room - before);
	EXPECT_TRUE(wait_until([&] { return log.count("reports of failed memory lost") >= 1; }));

	const UniqueFd owner = large.region.own();
	EXPECT_EQ(large.info().poison_lost, more);
	const Mapping whole(owner, large.region.size);
	EXPECT_EQ(read_error(whole.data() + last).code, BUS_MCEERR_AR);
	// The clear does not spare what it does not know.
	EXPECT_EQ(*whole.word(0), 0u);
}
