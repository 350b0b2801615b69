// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is mapped by blocks (huge pages, each an entry one level above the page tables) and what by
// pages, and that the memory is the same whatever splits, moves, copies or replaces these entries.
//
// The kernel leaves this memory out of pagemap and of the sums in smaps. What tells is how many
// page tables and faults it takes to touch every page: a block takes one fault and no table, and
// where it cannot be one, one fault fills a table. With map=remap everything is there beforehand.

#include <fcntl.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <format>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "child.hpp"
#include "kernel_file.hpp"
#include "region.hpp"
#include "touch.hpp"
#include "wait.hpp"

using namespace e2e;

namespace {

const std::uint64_t page = static_cast<std::uint64_t>(getpagesize());
/// What a page that is full of entries maps.
const std::uint64_t block = page * (page / 8);
const std::string thp_policy = "/sys/kernel/mm/transparent_hugepage/enabled";

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment)
{
	return (value + alignment - 1) / alignment * alignment;
}

std::uint64_t number(const void *address)
{
	return reinterpret_cast<std::uintptr_t>(address);
}

/// Room for mappings where all tables above those of pages exist, and stay: what is mapped there
/// takes memory for page tables only if it is mapped by pages.
class Room {
public:
	Room() : start_(mmap(nullptr, 2 * span, PROT_NONE, flags, -1, 0))
	{
		if (start_ == MAP_FAILED)
			throw std::system_error(errno, std::generic_category(), "mmap");
		first_ = static_cast<std::byte *>(start_) + align_up(number(start_), span) -
			 number(start_);
		*static_cast<volatile char *>(
			mmap(first_, page, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0)) = 1;
	}
	Room(const Room &) = delete;
	Room &operator=(const Room &) = delete;
	~Room() { munmap(start_, 2 * span); }

	/// Where a block can be; they follow each other.
	std::byte *operator[](std::uint64_t number) const { return first_ + (1 + number) * block; }

	/// Takes back what was mapped there. Just unmapped, it could become anybody's.
	void clear(std::byte *place, std::uint64_t length) const
	{
		mmap(place, length, PROT_NONE, flags | MAP_FIXED, -1, 0);
	}

private:
	/// No table of blocks begins in its midst.
	static inline const std::uint64_t span = std::min(block * (page / 8), 1ul << 36);
	static constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	void *start_;
	std::byte *first_;
};

std::byte *map_at(std::byte *place, const UniqueFd &fd, std::uint64_t length, std::uint64_t offset,
		  int protection = PROT_READ | PROT_WRITE)
{
	void *address = map(fd.get(), length, offset, protection, MAP_SHARED | MAP_FIXED, place);

	if (address != place)
		throw std::system_error(errno, std::generic_category(), "mmap");
	return place;
}

/// Ordinary memory at a place.
std::byte *plain_at(std::byte *place, std::uint64_t length)
{
	return static_cast<std::byte *>(mmap(place, length, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

volatile std::uint64_t *word_at(std::byte *place)
{
	return reinterpret_cast<volatile std::uint64_t *>(place);
}

/// Marks the first word of each page, of memory that is `offset` in the region.
void mark_pages(std::byte *start, std::uint64_t length, std::uint64_t offset)
{
	for (std::uint64_t at = 0; at < length; at += page)
		*word_at(start + at) = mark(offset + at);
}

testing::AssertionResult marked(std::byte *start, std::uint64_t length, std::uint64_t offset)
{
	for (std::uint64_t at = 0; at < length; at += page) {
		if (const std::uint64_t word = *word_at(start + at); word != mark(offset + at))
			return testing::AssertionFailure()
			       << std::format("at {:#x}: {:#x}", offset + at, word);
	}
	return testing::AssertionSuccess();
}

/// What a touch takes if pages come by touching.
Cost if_faulted(long faults, long tables)
{
	return mapped_at_once() ? Cost{ 0, 0 } : Cost{ faults, tables };
}

/// A region, and where the blocks in it are.
struct Blocks {
	explicit Blocks(Region of)
		: region(std::move(of)), base(region.description["base"]),
		  first(align_up(base, block) - base),
		  number(first < region.size ? (region.size - first) / block : 0)
	{
	}
	friend void PrintTo(const Blocks &blocks, std::ostream *stream)
	{
		*stream << blocks.region.name();
	}

	Region region;
	std::uint64_t base;
	/// The offset of the first.
	std::uint64_t first;
	std::uint64_t number;
};

/// Regions in which there is at least a number of blocks.
std::vector<Blocks> regions_with(std::uint64_t number)
{
	std::vector<Blocks> result;

	for (const Region &region : regions()) {
		if (const Blocks blocks(region); blocks.number >= number)
			result.push_back(blocks);
	}
	return result;
}

/// The last one: no test needs it large.
std::vector<Blocks> a_small_region()
{
	const std::vector<Blocks> all = regions_with(3);

	return { all.end() - !all.empty(), all.end() };
}

std::string name_of(const testing::TestParamInfo<Blocks> &info)
{
	return info.param.region.name();
}

/// The owner does not change: it is not what these tests are about, and a clear takes time.
class AnyRegion : public testing::TestWithParam<Blocks> {
protected:
	static void SetUpTestSuite()
	{
		for (const Region &region : regions())
			owners[region.pxm] = region.own();
	}
	static void TearDownTestSuite() { owners.clear(); }

	const Blocks &blocks = GetParam();
	const Region &region = blocks.region;
	const UniqueFd &owner = owners.at(region.pxm);
	const std::uint64_t first = blocks.first;
	Room room;

private:
	static inline std::map<unsigned int, UniqueFd> owners;
};

class Huge : public AnyRegion {};

} // namespace

INSTANTIATE_TEST_SUITE_P(, AnyRegion, testing::ValuesIn(regions_with(0)), name_of);
INSTANTIATE_TEST_SUITE_P(, Huge, testing::ValuesIn(regions_with(3)), name_of);

TEST(Host, HasARegionWithBlocks)
{
	EXPECT_FALSE(regions_with(3).empty());
}

TEST_P(Huge, ABlockIsOneEntryAndElseAFaultFillsATable)
{
	const std::uint64_t length = 3 * block;
	std::byte *huge = map_at(room[0], owner, length, first);

	EXPECT_EQ(touch(huge, length), if_faulted(3, 0));
	// At any other distance it is by pages, of one more table.
	std::uint64_t place = 4;
	for (std::uint64_t distance : { page, block / 2, block - page }) {
		std::byte *paged = map_at(room[place] + distance, owner, length, first);

		EXPECT_EQ(touch(paged, length), if_faulted(4, 4)) << distance;
		mark_pages(huge, length, first + distance);
		EXPECT_TRUE(marked(paged, length, first + distance)) << distance;
		mark_pages(paged, length, first);
		EXPECT_TRUE(marked(huge, length, first)) << distance;
		place += 5;
	}
}

TEST_P(Huge, AWriteTakesNoMoreThanARead)
{
	std::byte *huge = map_at(room[0], owner, 2 * block, first);
	// Wherever in a block the first touch is.
	const long tables = page_tables();

	*word_at(huge + block - 8) = mark(1);
	*word_at(huge + block + block / 2) = mark(2);
	EXPECT_EQ(page_tables(), tables);
	EXPECT_EQ(touch(huge, 2 * block), (Cost{ 0, 0 }));
	EXPECT_EQ(*word_at(huge + block - 8), mark(1));
	EXPECT_EQ(*word_at(huge + block + block / 2), mark(2));
}

TEST_P(Huge, ABlockThatIsNotMappedToItsEndsGoesByPages)
{
	const std::uint64_t length = 2 * block, half = block / 2;
	std::byte *start = map_at(room[0] + half, owner, length, first + half);
	// Their other halves are somebody else's memory, ...
	std::byte *before = plain_at(room[0], half);
	std::byte *behind = plain_at(start + length, half);

	EXPECT_EQ(touch(start, length), if_faulted(3, 2));
	mark_pages(start, length, first + half);
	// ... in which no page of the region appears.
	for (std::uint64_t at = 0; at < half; at += page) {
		ASSERT_EQ(*word_at(before + at), 0u) << at;
		ASSERT_EQ(*word_at(behind + at), 0u) << at;
	}
	mark_pages(before, half, 1ull << 40);
	mark_pages(behind, half, 1ull << 41);
	EXPECT_TRUE(marked(start, length, first + half));
	EXPECT_TRUE(marked(before, half, 1ull << 40));
	EXPECT_TRUE(marked(behind, half, 1ull << 41));
}

TEST_P(Huge, ATableThatIsThereIsFilledRatherThanReplaced)
{
	// Pages of the first half, moved to where a block could be: their table comes along.
	std::byte *elsewhere = map_at(room[0] + block / 2, owner, 2 * block, first);
	std::byte *place = room[4];

	touch(elsewhere, block / 2);
	ASSERT_EQ(mremap(elsewhere, 2 * block, 2 * block, MREMAP_MAYMOVE | MREMAP_FIXED, place),
		  place);
	EXPECT_EQ(touch(place, block / 2), (Cost{ 0, 0 }));
	EXPECT_EQ(touch(place + block / 2, block / 2), if_faulted(1, 0));
	EXPECT_EQ(touch(place + block, block), if_faulted(1, 0));
	mark_pages(place, 2 * block, first);
	EXPECT_TRUE(marked(map_at(room[8] + page, owner, 2 * block, first), 2 * block, first));
}

TEST_P(AnyRegion, MappingSizeIsThatOfBlocksFromItsStartOn)
{
	const bool has_blocks = blocks.base % block == 0 && region.size >= block;

	EXPECT_EQ(region.attribute("mapping_size"),
		  std::to_string(has_blocks && !mapped_at_once() ? block : page));
}

TEST_P(AnyRegion, TheKernelChoosesAPlaceForBlocks)
{
	const std::uint64_t size = mapped_at_once() ? page : block;
	const struct {
		std::uint64_t offset, length;
	} slices[] = {
		{ 0, region.size },
		{ page, region.size - page },
		{ 0, region.size - page },
		{ region.size / 2, region.size / 2 },
		{ region.size / 2 + 3 * page, region.size / 4 },
		{ region.size / 4 - page, region.size / 2 + page },
	};
	std::vector<Mapping> all;

	for (const auto &slice : slices) {
		const Mapping &mapping = all.emplace_back(owner, slice.length, slice.offset);
		// Too short for any block? Then any place is as good.
		if (slice.length >= size) {
			EXPECT_EQ((number(mapping.data()) - blocks.base - slice.offset) % size, 0u)
				<< slice.offset << " " << slice.length;
		}
	}
	// Above the tables of pages there are those of blocks and, for two places, theirs.
	const long tables = page_tables();
	Mapping mapping(owner, region.size);
	const Cost cost = touch(mapping.data(), region.size);
	const auto parts = static_cast<long>(region.size / block);

	if (mapped_at_once() || !blocks.number)
		EXPECT_GE(page_tables() - tables, parts);
	else
		// The ends may be no blocks.
		EXPECT_LE(cost.tables, parts / static_cast<long>(page / 8) + 2 + 3);
}

TEST_P(AnyRegion, APlaceThatIsAskedForIsGiven)
{
	const std::uint64_t length = 16 * page;

	for (std::uint64_t distance : { 0ul, page, 5 * page }) {
		std::byte *place = room[0] + distance;

		ASSERT_EQ(munmap(place, length), 0);
		EXPECT_EQ(
			map(owner.get(), length, first % region.size, PROT_READ, MAP_SHARED, place),
			place);
		// It is taken now: another one is found, unless it must be this one.
		void *other =
			map(owner.get(), length, first % region.size, PROT_READ, MAP_SHARED, place);
		ASSERT_NE(other, MAP_FAILED) << strerror(errno);
		EXPECT_NE(other, place);
		munmap(other, length);
		EXPECT_EQ(map(owner.get(), length, first % region.size, PROT_READ,
			      MAP_SHARED | MAP_FIXED_NOREPLACE, place),
			  MAP_FAILED);
		EXPECT_EQ(errno, EEXIST);
		EXPECT_EQ(map_at(place, owner, length, 0), place);
	}
	// More than there is room for
	EXPECT_EQ(map_error(owner.get(), region.size + page, 0), EINVAL);
}

TEST_P(Huge, UnmappingAPartLeavesTheRest)
{
	const struct {
		const char *what;
		std::uint64_t start, end;
	} parts[] = {
		{ "head", 0, block / 2 },
		{ "first page", 0, page },
		{ "middle", block / 4, block / 2 },
		{ "tail", block / 2, block },
		{ "last page", block - page, block },
		{ "all of it", 0, block },
	};

	for (const auto &part : parts) {
		std::byte *start = map_at(room[0], owner, 3 * block, first);
		std::byte *split = start + block;
		const std::uint64_t offset = first + block;
		const bool head = part.start > 0, tail = part.end < block;

		SCOPED_TRACE(part.what);
		mark_pages(start, 3 * block, first);
		ASSERT_EQ(munmap(split + part.start, part.end - part.start), 0);
		// Its neighbours are as they were.
		EXPECT_EQ(touch(start, block), (Cost{ 0, 0 }));
		EXPECT_EQ(touch(split + block, block), (Cost{ 0, 0 }));
		// What is left of it has one table, but is two mappings.
		EXPECT_EQ(touch(split, part.start), if_faulted(head, head));
		EXPECT_EQ(touch(split + part.end, block - part.end),
			  if_faulted(tail, !head && tail));
		EXPECT_TRUE(marked(start, block + part.start, first));
		EXPECT_TRUE(marked(split + part.end, 2 * block - part.end, offset + part.end));
		EXPECT_EQ(read_from(split + part.start), -SIGSEGV);
		EXPECT_EQ(read_from(split + part.end - page), -SIGSEGV);
		// Mapped again, it is what it was.
		map_at(split + part.start, owner, part.end - part.start, offset + part.start);
		EXPECT_TRUE(marked(start, 3 * block, first));
		room.clear(start, 3 * block);
		EXPECT_TRUE(marked(map_at(room[8], owner, 3 * block, first), 3 * block, first));
		room.clear(room[8], 3 * block);
	}
}

TEST_P(Huge, ProtectionOfABlockChangesInPlace)
{
	std::byte *start = map_at(room[0], owner, 3 * block, first);
	std::byte *changed = start + block;
	const long tables = page_tables();

	mark_pages(start, 3 * block, first);
	ASSERT_EQ(mprotect(changed, block, PROT_READ), 0);
	EXPECT_EQ(write_to(changed), -SIGSEGV);
	EXPECT_EQ(write_to(changed + block - 8), -SIGSEGV);
	EXPECT_EQ(write_to(changed - 8), 0);
	EXPECT_EQ(write_to(changed + block + 8), 0);
	EXPECT_EQ(touch(start, 3 * block), (Cost{ 0, 0 }));
	EXPECT_TRUE(marked(start, 3 * block, first));
	ASSERT_EQ(mprotect(changed, block, PROT_NONE), 0);
	EXPECT_EQ(read_from(changed), -SIGSEGV);
	EXPECT_EQ(read_from(changed + block - 8), -SIGSEGV);
	ASSERT_EQ(mprotect(changed, block, PROT_READ | PROT_WRITE), 0);
	EXPECT_TRUE(marked(start, 3 * block, first));
	mark_pages(changed, block, first);
	EXPECT_TRUE(marked(changed, block, first));
	EXPECT_EQ(page_tables(), tables);
}

TEST_P(Huge, ProtectionOfAPartSplitsItsBlock)
{
	std::byte *start = map_at(room[0], owner, 3 * block, first);
	std::byte *part = start + block + block / 4;
	const std::uint64_t length = block / 2;

	mark_pages(start, 3 * block, first);
	for (int protection : { PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC }) {
		ASSERT_EQ(mprotect(part, length, protection), 0);
		const int read = protection == PROT_NONE ? -SIGSEGV : 0;

		for (std::byte *place : { part, part + length - page }) {
			EXPECT_EQ(read_from(place), read) << protection;
			EXPECT_EQ(write_to(place), -SIGSEGV) << protection;
		}
		EXPECT_EQ(write_to(part - 8), 0);
		EXPECT_EQ(write_to(part + length + 8), 0);
	}
	ASSERT_EQ(mprotect(part, length, PROT_READ | PROT_WRITE), 0);
	// Three mappings of one table, which the first one to be touched brings.
	EXPECT_EQ(touch(start, block), (Cost{ 0, 0 }));
	EXPECT_EQ(touch(start + block, block), if_faulted(3, 1));
	EXPECT_EQ(touch(start + 2 * block, block), (Cost{ 0, 0 }));
	EXPECT_TRUE(marked(start, 3 * block, first));
	mark_pages(start, 3 * block, first + block);
	EXPECT_TRUE(
		marked(map_at(room[8] + page, owner, 3 * block, first), 3 * block, first + block));
}

TEST_P(Huge, ItMovesAsItIsOrByPages)
{
	std::byte *place = map_at(room[0], owner, 2 * block, first);
	const auto move = [&](std::byte *to) {
		std::byte *from = place;

		ASSERT_EQ(mremap(from, 2 * block, 2 * block, MREMAP_MAYMOVE | MREMAP_FIXED, to), to)
			<< strerror(errno);
		place = to;
		for (std::uint64_t at : { 0ul, block - page, block, 2 * block - page })
			EXPECT_EQ(read_from(from + at), -SIGSEGV) << at;
	};

	mark_pages(place, 2 * block, first);
	move(room[4]);
	EXPECT_EQ(touch(place, 2 * block), (Cost{ 0, 0 }));
	EXPECT_TRUE(marked(place, 2 * block, first));
	// Their entries fit nowhere else.
	move(room[8] + page);
	EXPECT_EQ(touch(place, 2 * block), if_faulted(3, 3));
	EXPECT_TRUE(marked(place, 2 * block, first));
	// Back in place, and touched there or not, they are the same.
	move(room[12]);
	EXPECT_TRUE(marked(place, 2 * block, first));
	move(room[16] + block / 2);
	move(room[20]);
	EXPECT_TRUE(marked(place, 2 * block, first));
	mark_pages(place, 2 * block, first + block);
	EXPECT_TRUE(marked(map_at(room[24], owner, 2 * block, first), 2 * block, first + block));
}

TEST_P(Huge, AMoveOfAPartSplitsItsBlock)
{
	const std::uint64_t half = block / 2;
	std::byte *start = map_at(room[0], owner, 3 * block, first);
	std::byte *to = room[4] + half;

	mark_pages(start, 3 * block, first);
	// From the middle of the first to the middle of the third.
	ASSERT_EQ(mremap(start + half, 2 * block, 2 * block, MREMAP_MAYMOVE | MREMAP_FIXED, to),
		  to);
	EXPECT_EQ(read_from(start + half), -SIGSEGV);
	EXPECT_EQ(read_from(start + 2 * block), -SIGSEGV);
	EXPECT_EQ(touch(to + half, block), (Cost{ 0, 0 }));
	EXPECT_EQ(touch(to, 2 * block), if_faulted(2, 2));
	EXPECT_TRUE(marked(to, 2 * block, first + half));
	EXPECT_EQ(touch(start, half), if_faulted(1, 1));
	EXPECT_TRUE(marked(start, half, first));
	EXPECT_TRUE(marked(start + 2 * block + half, half, first + 2 * block + half));
}

TEST_P(Huge, ItShrinksAndDoesNotGrow)
{
	std::byte *start = map_at(room[0], owner, 2 * block, first);

	mark_pages(start, 2 * block, first);
	for (int flags : { 0, MREMAP_MAYMOVE }) {
		EXPECT_EQ(mremap(start, 2 * block, 3 * block, flags), MAP_FAILED);
		EXPECT_EQ(errno, EFAULT);
	}
	EXPECT_EQ(mremap(start, 2 * block, 2 * block, MREMAP_MAYMOVE | MREMAP_DONTUNMAP),
		  MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	ASSERT_EQ(mremap(start, 2 * block, block + page, 0), start);
	EXPECT_EQ(touch(start, block), (Cost{ 0, 0 }));
	EXPECT_EQ(touch(start + block, page), if_faulted(1, 1));
	EXPECT_TRUE(marked(start, block + page, first));
	EXPECT_EQ(read_from(start + block + page), -SIGSEGV);
	ASSERT_EQ(mremap(start, block + page, page, 0), start);
	EXPECT_TRUE(marked(start, page, first));
	EXPECT_EQ(read_from(start + page), -SIGSEGV);
}

TEST_P(Huge, AForkedProcessHasTheSame)
{
	std::byte *start = map_at(room[0], owner, 3 * block, first);
	const Mapping shared = Mapping::anonymous(page);
	auto *costs = reinterpret_cast<Cost *>(shared.data());

	// The third comes to both of them later.
	mark_pages(start, 2 * block, first);
	Child child([&] {
		costs[0] = touch(start, 2 * block);
		costs[1] = touch(start + 2 * block, block);
		if (!marked(start, 2 * block, first))
			return 1;
		mark_pages(start, 3 * block, first + block);
		return 0;
	});
	EXPECT_EQ(child.wait(), 0);
	// Nothing was copied: it has faults of its own.
	const long tables = mapped_at_once() ? 1 : 0;
	EXPECT_EQ(costs[0], (Cost{ 2, 2 * tables }));
	EXPECT_EQ(costs[1], (Cost{ 1, tables }));
	EXPECT_TRUE(marked(start, 3 * block, first + block));
	// What one does to its mapping, the other does not see.
	Child unmapper([&] { return munmap(start + page, 3 * block - 2 * page) ? 1 : 0; });
	EXPECT_EQ(unmapper.wait(), 0);
	EXPECT_TRUE(marked(start, 3 * block, first + block));
}

TEST_P(Huge, AForkCopiesFewTables)
{
	const Mapping shared = Mapping::anonymous(page);
	auto *tables = reinterpret_cast<long *>(shared.data());
	const auto look = [&](int when) {
		EXPECT_EQ(outcome([&] {
				  tables[when] = page_tables();
				  return 0;
			  }),
			  0);
	};

	look(0);
	look(0);
	const Mapping all(owner, blocks.number * block, first);
	touch(all.data(), blocks.number * block);
	look(1);
	// Had the 2 GiB been copied: three tables of blocks, and one of theirs, or 1024 of pages.
	EXPECT_LE(tables[1] - tables[0], 4);
}

namespace {

/// What madvise(2) says of this memory. Of what is not listed: EINVAL, as of any nonsense.
struct Advice {
	int advice;
	/// of any kernel
	int error;
};

// It is shared memory of a device that does not grow, is not dumped and has no pages of the
// kernel's.
constexpr Advice advices[] = {
	// Ways to read a file ahead: nothing to do.
	{ MADV_NORMAL, 0 },
	{ MADV_RANDOM, 0 },
	{ MADV_SEQUENTIAL, 0 },
	{ MADV_WILLNEED, 0 },
	// No file system that could punch a hole
	{ MADV_REMOVE, ENODEV },
	// QEMU asks for it. To take it back is not for memory of a device.
	{ MADV_DONTFORK, 0 },
	{ MADV_DOFORK, EINVAL },
	{ MADV_KEEPONFORK, 0 },
	{ MADV_DONTDUMP, 0 },
	{ MADV_DODUMP, EINVAL },
	// Taken for what they are: advice. They change nothing here.
	{ MADV_MERGEABLE, 0 },
	{ MADV_UNMERGEABLE, 0 },
	{ MADV_HUGEPAGE, 0 },
	{ MADV_NOHUGEPAGE, 0 },
	// There is no page that the kernel could poison or take away.
	{ 100 /* MADV_HWPOISON */, EFAULT },
	{ 101 /* MADV_SOFT_OFFLINE */, EFAULT },
};

int expected_error(int advice)
{
	const auto *found = std::ranges::find(advices, advice, &Advice::advice);

	return found == std::end(advices) ? EINVAL : found->error;
}

} // namespace

TEST_P(Huge, NoAdviceDropsAPage)
{
	for (int advice = 0; advice < 128; advice++) {
		const int error = expected_error(advice);
		std::byte *start = map_at(room[0], owner, 2 * block, first);

		SCOPED_TRACE(advice);
		// One block has its entry, the other one has not.
		mark_pages(start, block, first);
		EXPECT_EQ(madvise(start, 2 * block, advice) ? errno : 0, error);
		EXPECT_EQ(touch(start, 2 * block), if_faulted(1, 0));
		EXPECT_TRUE(marked(start, block, first));
		mark_pages(start, 2 * block, first);
		// A part of it, which may split a block.
		EXPECT_EQ(madvise(start + page, block, advice) ? errno : 0, error);
		EXPECT_TRUE(marked(start, 2 * block, first));
	}
}

TEST_P(Huge, ItIsMappedByBlocksWhateverThePolicyForOtherMemory)
{
	for (const char *policy : { "never", "madvise", "always" }) {
		Setting setting(thp_policy, policy);
		std::byte *start = map_at(room[0], owner, 3 * block, first);

		SCOPED_TRACE(policy);
		EXPECT_EQ(madvise(start, block, MADV_NOHUGEPAGE), 0);
		EXPECT_EQ(madvise(start + block, block, MADV_HUGEPAGE), 0);
		EXPECT_EQ(touch(start, 3 * block), if_faulted(3, 0));
		// The same again after a split: pages.
		ASSERT_EQ(munmap(start + block, page), 0);
		EXPECT_EQ(touch(start + block + page, block - page), if_faulted(1, 1));
		room.clear(start, 3 * block);
	}
	EXPECT_EQ(outcome([&] {
			  if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
				  return 1;
			  std::byte *start = map_at(room[0], owner, 3 * block, first);
			  return touch(start, 3 * block) == if_faulted(3, 0) ? 0 : 2;
		  }),
		  0);
}

TEST_P(Huge, ManyThreadsTouchABlockThatChanges)
{
	constexpr unsigned int touchers = 4;
	const std::uint64_t length = 2 * block, pages = length / page;
	std::byte *start = map_at(room[0], owner, length, first);
	std::atomic<std::uint64_t> touches = 0, errors = 0;
	std::atomic<bool> done = false;
	Setting setting(thp_policy, "always");

	mark_pages(start, length, first);
	{
		std::vector<std::jthread> threads;
		for (unsigned int me = 0; me < touchers; me++) {
			threads.emplace_back([&, me] {
				for (std::uint64_t at = me * 7; !done; at += 13 + me) {
					const std::uint64_t offset = at % pages * page;

					if (*word_at(start + offset) != mark(first + offset))
						errors++;
					// The same: others look at it.
					if (at % 3 == 0)
						*word_at(start + offset) = mark(first + offset);
					touches++;
				}
			});
		}
		const auto let_them = [&] {
			const std::uint64_t until = touches + 20 * touchers;
			return wait_until([&] { return touches >= until; });
		};
		// Each of these replaces or splits what they touch, at once.
		for (int round = 0; round < 60 && !HasFailure(); round++) {
			map_at(start, owner, length, first);
			if (round % 3 == 0)
				write_text(thp_policy, round % 2 ? "never" : "always");
			switch (round % 6) {
			case 1:
				EXPECT_EQ(madvise(start, length, MADV_NOHUGEPAGE), 0);
				break;
			case 2:
				EXPECT_TRUE(let_them());
				EXPECT_EQ(madvise(start + page, block, MADV_RANDOM), 0);
				break;
			case 3:
				map_at(start + block / 2, owner, block, first + block / 2);
				break;
			case 4:
				EXPECT_EQ(prctl(PR_SET_THP_DISABLE, round % 4 == 0, 0, 0, 0), 0);
				break;
			case 5:
				EXPECT_TRUE(let_them());
				EXPECT_EQ(mprotect(start + block / 4, block,
						   PROT_READ | PROT_WRITE | PROT_EXEC),
					  0);
				break;
			}
			EXPECT_TRUE(let_them());
			if (round % 10 == 0) {
				EXPECT_EQ(outcome([&] {
						  return marked(start, length, first) ? 0 : 1;
					  }),
					  0);
			}
		}
		done = true;
	}
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	EXPECT_EQ(errors, 0u);
	EXPECT_TRUE(marked(start, length, first));
}

namespace {

/// With owners of its own, who lose the region.
class Owned : public testing::TestWithParam<Blocks> {
protected:
	const Blocks &blocks = GetParam();
	const Region &region = blocks.region;
	const std::uint64_t first = blocks.first;
	UniqueFd owner = region.own();
};

} // namespace

INSTANTIATE_TEST_SUITE_P(, Owned, testing::ValuesIn(a_small_region()), name_of);

TEST_P(Owned, IsKeptByWhatIsLeftOfABlock)
{
	auto room = std::make_unique<Room>();
	std::byte *start = map_at((*room)[0], owner, 2 * block, first);
	const std::uint64_t rest = block / 4;
	Event look;

	mark_pages(start, 2 * block, first);
	Child child([&] {
		// The tail of a block, and at another place.
		std::byte *to = (*room)[8] + page;
		if (munmap(start, 2 * block - rest) ||
		    mremap(start + 2 * block - rest, rest, rest, MREMAP_MAYMOVE | MREMAP_FIXED,
			   to) != to)
			return 1;
		owner.reset();
		look.wait();
		return marked(to, rest, first + 2 * block - rest) ? 0 : 2;
	});
	room.reset();
	owner.reset();
	EXPECT_EQ(region.open_error(O_RDWR), EBUSY);
	EXPECT_EQ(region.state(), "in-use");
	look.set();
	EXPECT_EQ(child.wait(), 0);
	owner = region.take_over();
	EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
}

TEST_P(Owned, RemovalTakesBlocksAway)
{
	Room room;
	Mapping whole(owner, region.size);
	std::byte *huge = map_at(room[0], owner, 3 * block, first);
	std::byte *split = map_at(room[4], owner, 3 * block, first);
	std::byte *moved = map_at(room[8], owner, 2 * block, first);
	std::byte *paged = map_at(room[16] + page, owner, 2 * block, first);
	std::byte *untouched = map_at(room[20], owner, 2 * block, first);
	std::byte *to = room[12];
	Event look;

	touch(whole.data(), region.size);
	mark_pages(huge, 3 * block, first);
	mark_pages(split, 3 * block, first);
	mark_pages(moved, 2 * block, first);
	mark_pages(paged, 2 * block, first);
	ASSERT_EQ(munmap(split + block + page, page), 0);
	touch(split, block + page);
	ASSERT_EQ(mremap(moved, 2 * block, 2 * block, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
	const std::array places = {
		whole.data(),
		whole.data() + region.size - page,
		huge,
		huge + 3 * block - page,
		split,
		split + block,
		split + 2 * block,
		to,
		to + 2 * block - page,
		paged,
		paged + 2 * block - page,
		untouched,
	};
	const auto all_gone = [&] {
		return std::ranges::all_of(places, [](std::byte *place) {
			return read_from(place) == -SIGBUS && write_to(place) == -SIGBUS;
		});
	};

	Child child([&] {
		look.wait();
		return all_gone() ? 0 : 1;
	});
	{
		Removal removal(region);

		EXPECT_TRUE(all_gone());
		look.set();
		EXPECT_EQ(child.wait(), 0);
		// They can be changed as before: there is nothing in them.
		EXPECT_EQ(mprotect(huge + page, block, PROT_READ), 0);
		EXPECT_EQ(munmap(split, page), 0);
		ASSERT_EQ(mremap(to, 2 * block, 2 * block, MREMAP_MAYMOVE | MREMAP_FIXED, moved),
			  moved);
	}
	// Nor is the next owner's memory theirs.
	UniqueFd next = region.own();
	EXPECT_TRUE(cleared(region, Mapping(next, region.size)));
	for (std::byte *place : { whole.data(), huge, huge + block, split + page, moved, paged })
		EXPECT_EQ(read_from(place), -SIGBUS);
}

namespace {

/// With map_retired=none: retired granules are mapped nowhere.
class Holes : public AnyRegion {
protected:
	void SetUp() override
	{
		ASSERT_EQ(text_of("/sys/module/nvgrace_egm/parameters/map_retired"), "none\n");
		ASSERT_FALSE(region.retired.empty());
	}

	bool is_hole(std::uint64_t offset) const
	{
		return std::ranges::any_of(region.retired, [&](std::uint64_t start) {
			return offset >= start && offset < start + granule;
		});
	}

	/// Pages of a mapping that starts at `offset`, other than those in holes.
	void mark_all(std::byte *start, std::uint64_t length, std::uint64_t offset) const
	{
		for (std::uint64_t at = 0; at < length; at += page)
			if (!is_hole(offset + at))
				*word_at(start + at) = mark(offset + at);
	}
	testing::AssertionResult all_marked(std::byte *start, std::uint64_t length,
					    std::uint64_t offset) const
	{
		for (std::uint64_t at = 0; at < length; at += page)
			if (!is_hole(offset + at))
				if (auto result = marked(start + at, page, offset + at); !result)
					return result;
		return testing::AssertionSuccess();
	}
};

/// The code of the signal that a touch raises; 0 if it raises none.
int code_of_touch(std::byte *place, bool write)
{
	return outcome([&] {
		struct sigaction action = {};

		action.sa_flags = SA_SIGINFO;
		action.sa_sigaction = [](int, siginfo_t *info, void *) { _exit(info->si_code); };
		sigaction(SIGBUS, &action, nullptr);
		if (write)
			*word_at(place) = 1;
		else
			static_cast<void>(*word_at(place));
		return 0;
	});
}

} // namespace

INSTANTIATE_TEST_SUITE_P(, Holes, testing::ValuesIn(regions_with(0)), name_of);

TEST_P(Holes, ATouchIsAMemoryErrorAndAllAroundWorks)
{
	Mapping whole(owner, region.size);

	for (bool touched : { false, true }) {
		for (std::uint64_t hole : region.retired) {
			SCOPED_TRACE(std::format("{:#x}, {}", hole, touched ? "touched" : "fresh"));
			for (std::uint64_t at : { hole, hole + granule - page }) {
				EXPECT_EQ(code_of_touch(whole.data() + at, false), BUS_MCEERR_AR);
				EXPECT_EQ(code_of_touch(whole.data() + at, true), BUS_MCEERR_AR);
			}
		}
		mark_all(whole.data(), region.size, 0);
		EXPECT_TRUE(all_marked(whole.data(), region.size, 0));
	}
	// So it is with a system call's.
	const UniqueFd file(memfd_create("file", 0));
	for (std::uint64_t hole : region.retired) {
		EXPECT_EQ(pwrite(file.get(), whole.data() + hole, page, 0), -1);
		EXPECT_EQ(errno, EFAULT);
	}
}

TEST_P(Holes, OnlyBlocksWithoutOneAreBlocks)
{
	for (std::uint64_t number = 0; number < blocks.number; number++) {
		const std::uint64_t offset = first + number * block;
		const bool whole = std::ranges::none_of(region.retired, [&](std::uint64_t hole) {
			return hole >= offset && hole < offset + block;
		});
		std::byte *start = map_at(room[0], owner, block, offset);
		const long tables = page_tables();

		mark_all(start, block, offset);
		EXPECT_EQ(page_tables() - tables, mapped_at_once() || whole ? 0 : 1) << number;
		room.clear(start, block);
	}
}
