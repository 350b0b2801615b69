// SPDX-License-Identifier: GPL-2.0-or-later
//
// ioctl(2), lseek(2) and the other calls on a descriptor, and what becomes of the tables of retired
// pages that firmware left: the host has a socket for each way in which one can be wrong.

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <format>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linux/egm.h>

#include "kernel_log.hpp"
#include "region.hpp"

using namespace e2e;

// What deployed programs were built with.
static_assert(EGM_RETIRED_PAGES_LIST == 0x4564);
static_assert(EGM_BAD_PAGES_LIST == EGM_RETIRED_PAGES_LIST);
static_assert(sizeof(egm_retired_pages_list) == 8 && sizeof(egm_retired_page) == 16);
static_assert(offsetof(egm_retired_pages_list, argsz) == 0);
static_assert(offsetof(egm_retired_pages_list, count) == 4);
static_assert(offsetof(egm_retired_pages_list, pages) == 8);
static_assert(offsetof(egm_retired_page, offset) == 0 && offsetof(egm_retired_page, size) == 8);
static_assert(EGM_GET_INFO == 0x456e && sizeof(egm_info) == 56);
static_assert(offsetof(egm_info, argsz) == 0 && offsetof(egm_info, flags) == 4);
static_assert(offsetof(egm_info, size) == 8 && offsetof(egm_info, mapping_size) == 16);
static_assert(offsetof(egm_info, pxm) == 24 && offsetof(egm_info, numa_node) == 28);
static_assert(offsetof(egm_info, retired_count) == 32 && offsetof(egm_info, poison_count) == 36);
static_assert(offsetof(egm_info, poison_lost) == 40 && offsetof(egm_info, state) == 44);
static_assert(offsetof(egm_info, poison) == 48 && offsetof(egm_info, granule) == 52);

namespace {

constexpr std::uint32_t header = sizeof(egm_retired_pages_list);
constexpr std::uint32_t entry = sizeof(egm_retired_page);
/// What the kernel has not written.
constexpr unsigned char untouched = 0xa5;

Region region_named(const std::string &name)
{
	for (const Region &region : regions()) {
		if (region.description.value("name", "") == name)
			return region;
	}
	throw std::runtime_error("the host has no socket named " + name);
}

/// Offsets that the suite expects: a list of numbers, or "all".
std::vector<std::uint64_t> expected_offsets(const Region &region)
{
	const nlohmann::json &offsets = region.description["expect"]["offsets"];
	std::vector<std::uint64_t> result;

	if (offsets.is_array())
		return offsets;
	for (std::uint64_t offset = 0; offset < region.size; offset += granule)
		result.push_back(offset);
	return result;
}

/// A buffer of two parts, the second of which cannot be reached, or not be written.
class Fence {
public:
	explicit Fence(int protection)
		: page_(static_cast<std::size_t>(getpagesize())),
		  memory_(static_cast<unsigned char *>(mmap(nullptr, 2 * page_,
							    PROT_READ | PROT_WRITE,
							    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
	{
		mprotect(memory_ + page_, page_, protection);
	}
	Fence(const Fence &) = delete;
	Fence &operator=(const Fence &) = delete;
	~Fence() { munmap(memory_, 2 * page_); }

	/// The last `bytes` bytes of the good part.
	unsigned char *last(std::size_t bytes) const { return memory_ + page_ - bytes; }

private:
	std::size_t page_;
	unsigned char *memory_;
};

/// errno of the call, 0 where it succeeds.
int list_error(const UniqueFd &fd, const void *argument)
{
	return ioctl(fd.get(), EGM_RETIRED_PAGES_LIST, argument) ? errno : 0;
}

void set_argsz(unsigned char *buffer, std::uint32_t argsz)
{
	std::memcpy(buffer, &argsz, sizeof(argsz));
}

int info_error(const UniqueFd &fd, const void *argument)
{
	return ioctl(fd.get(), EGM_GET_INFO, argument) ? errno : 0;
}

/// What the kernel sees of egm_info before it answers: argsz, then flags.
void ask_info(unsigned char *buffer, std::uint32_t argsz, std::uint32_t flags = 0)
{
	std::memcpy(buffer, &argsz, sizeof(argsz));
	std::memcpy(buffer + sizeof(argsz), &flags, sizeof(flags));
}

class Ioctl : public testing::TestWithParam<int> {
protected:
	void SetUp() override { ASSERT_TRUE(fd) << strerror(errno); }

	/// With some retired granules, in an order that is not the table's.
	const Region region = region_named("unsorted");
	const std::vector<std::uint64_t> offsets = expected_offsets(region);
	const std::uint32_t needed = header + entry * static_cast<std::uint32_t>(offsets.size());
	const UniqueFd fd = region.open(GetParam());
};

struct Answer {
	int error;
	std::uint32_t argsz, count;
	std::vector<egm_retired_page> pages;
	/// Bytes behind the last page that was announced are as they were.
	bool rest_untouched;
};

Answer list(const UniqueFd &fd, std::uint32_t argsz, unsigned long request = EGM_RETIRED_PAGES_LIST)
{
	std::vector<unsigned char> buffer(1 << 17, untouched);
	Answer answer = {};

	set_argsz(buffer.data(), argsz);
	answer.error = ioctl(fd.get(), request, buffer.data()) ? errno : 0;
	std::memcpy(&answer.argsz, buffer.data(), 4);
	std::memcpy(&answer.count, buffer.data() + 4, 4);
	std::size_t end = header;
	if (!answer.error) {
		end += std::size_t{ answer.count } * entry;
		answer.pages.resize(answer.count);
		std::memcpy(answer.pages.data(), buffer.data() + header, end - header);
	}
	answer.rest_untouched =
		std::all_of(buffer.begin() + static_cast<std::ptrdiff_t>(end), buffer.end(),
			    [](unsigned char byte) { return byte == untouched; });
	return answer;
}

testing::AssertionResult lists(const std::vector<egm_retired_page> &pages,
			       const std::vector<std::uint64_t> &offsets)
{
	if (pages.size() != offsets.size())
		return testing::AssertionFailure()
		       << pages.size() << " pages, not " << offsets.size();
	for (std::size_t i = 0; i < pages.size(); i++) {
		if (pages[i].offset != offsets[i] || pages[i].size != granule)
			return testing::AssertionFailure()
			       << "page " << i << " has offset " << pages[i].offset << ", size "
			       << pages[i].size;
	}
	return testing::AssertionSuccess();
}

} // namespace

TEST_P(Ioctl, ASizeBelowTheHeaderIsInvalid)
{
	for (std::uint32_t argsz = 0; argsz < header; argsz++) {
		Answer answer = list(fd, argsz);

		EXPECT_EQ(answer.error, EINVAL) << argsz;
		EXPECT_EQ(answer.argsz, argsz);
		EXPECT_TRUE(answer.rest_untouched);
	}
}

TEST_P(Ioctl, ATooSmallSizeIsToldWhatIsNeeded)
{
	ASSERT_GT(needed, header + entry);
	for (std::uint32_t argsz = header; argsz < needed; argsz++) {
		Answer answer = list(fd, argsz);

		EXPECT_EQ(answer.error, 0) << argsz;
		EXPECT_EQ(answer.argsz, needed) << argsz;
		EXPECT_EQ(answer.count, 0u) << argsz;
		EXPECT_TRUE(answer.rest_untouched) << argsz;
	}
}

TEST_P(Ioctl, AnySizeThatIsEnoughGetsTheList)
{
	constexpr std::uint32_t max = std::numeric_limits<std::uint32_t>::max();

	for (std::uint32_t argsz : { needed, needed + 1, needed + entry, needed + 4096, max >> 1,
				     (max >> 1) + 1, max - 7, max }) {
		Answer answer = list(fd, argsz);

		EXPECT_EQ(answer.error, 0) << argsz;
		EXPECT_EQ(answer.argsz, argsz);
		EXPECT_TRUE(lists(answer.pages, offsets)) << argsz;
		EXPECT_TRUE(answer.rest_untouched) << argsz;
	}
}

TEST_P(Ioctl, BothNamesMeanTheSame)
{
	EXPECT_TRUE(lists(list(fd, needed, EGM_BAD_PAGES_LIST).pages, offsets));
}

TEST_P(Ioctl, ABadPointerIsAFault)
{
	for (std::uintptr_t address :
	     { std::uintptr_t{ 0 }, std::uintptr_t{ 1 }, std::uintptr_t{ 1 } << 63,
	       ~std::uintptr_t{ 0 }, ~std::uintptr_t{ 7 } })
		EXPECT_EQ(list_error(fd, reinterpret_cast<void *>(address)), EFAULT)
			<< std::hex << address;
}

TEST_P(Ioctl, AHeaderThatIsNotAllThereIsAFault)
{
	Fence fence(PROT_NONE);

	for (std::uint32_t there = 0; there < header; there++) {
		std::memset(fence.last(header), 0, header);
		EXPECT_EQ(list_error(fd, fence.last(there)), EFAULT) << there;
	}
	set_argsz(fence.last(header), header);
	EXPECT_EQ(list_error(fd, fence.last(header)), 0);
}

TEST_P(Ioctl, EntriesThatAreNotAllThereAreAFaultAndNotCounted)
{
	for (int protection : { PROT_NONE, PROT_READ }) {
		Fence fence(protection);

		for (std::uint32_t there = header; there < needed; there++) {
			unsigned char *buffer = fence.last(there);
			std::uint32_t count;

			std::memset(buffer, 0, there);
			set_argsz(buffer, needed);
			EXPECT_EQ(list_error(fd, buffer), EFAULT) << there;
			std::memcpy(&count, buffer + 4, 4);
			EXPECT_EQ(count, 0u) << there;
		}
		set_argsz(fence.last(needed), needed);
		EXPECT_EQ(list_error(fd, fence.last(needed)), 0);
	}
}

TEST_P(Ioctl, AnAnswerThatCannotBeWrittenIsAFault)
{
	std::size_t page = static_cast<std::size_t>(getpagesize());

	for (std::uint32_t argsz : { header, needed }) {
		void *memory = mmap(nullptr, page, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		set_argsz(static_cast<unsigned char *>(memory), argsz);
		mprotect(memory, page, PROT_READ);
		EXPECT_EQ(list_error(fd, memory), EFAULT) << argsz;
		munmap(memory, page);
	}
}

TEST_P(Ioctl, InfoNeedsAllOfItsFirstVersion)
{
	std::array<unsigned char, 128> buffer, before;

	buffer.fill(untouched);
	for (std::uint32_t argsz = 0; argsz < sizeof(egm_info); argsz++) {
		ask_info(buffer.data(), argsz);
		before = buffer;
		EXPECT_EQ(info_error(fd, buffer.data()), EINVAL) << argsz;
		EXPECT_EQ(buffer, before) << argsz;
	}
}

TEST_P(Ioctl, InfoKnowsNoFlags)
{
	std::array<unsigned char, sizeof(egm_info)> buffer, before;

	buffer.fill(untouched);
	for (int bit = 0; bit < 32; bit++) {
		ask_info(buffer.data(), sizeof(egm_info), 1u << bit);
		before = buffer;
		EXPECT_EQ(info_error(fd, buffer.data()), EINVAL) << bit;
		EXPECT_EQ(buffer, before) << bit;
	}
}

TEST_P(Ioctl, InfoSaysHowMuchOfItThereIsAndWritesNoMore)
{
	constexpr std::uint32_t max = std::numeric_limits<std::uint32_t>::max();
	std::array<unsigned char, 4096> buffer;

	for (std::uint32_t argsz :
	     { static_cast<std::uint32_t>(sizeof(egm_info)), 57u, 64u, 4096u, 1u << 31, max }) {
		egm_info info;

		buffer.fill(untouched);
		ask_info(buffer.data(), argsz);
		ASSERT_EQ(info_error(fd, buffer.data()), 0) << argsz;
		std::memcpy(&info, buffer.data(), sizeof(info));
		EXPECT_EQ(info.argsz, sizeof(info)) << argsz;
		EXPECT_TRUE(std::all_of(buffer.begin() + sizeof(info), buffer.end(),
					[](unsigned char byte) { return byte == untouched; }))
			<< argsz;
	}
}

TEST_P(Ioctl, InfoIsWhatSysfsSays)
{
	const bool owner = (GetParam() & O_ACCMODE) == O_RDWR;
	egm_info info = {};

	info.argsz = sizeof(info);
	ASSERT_EQ(info_error(fd, &info), 0);
	EXPECT_EQ(info.flags, 0u);
	EXPECT_EQ(info.size, region.size);
	EXPECT_EQ(info.size, std::stoull(region.attribute("egm_size"), nullptr, 16));
	EXPECT_EQ(std::to_string(info.mapping_size), region.attribute("mapping_size"));
	EXPECT_EQ(info.pxm, region.pxm);
	EXPECT_EQ(std::to_string(info.numa_node), region.attribute("numa_node"));
	EXPECT_EQ(info.retired_count, offsets.size());
	EXPECT_EQ(info.poison_count, 0u);
	EXPECT_EQ(info.poison_lost, 0u);
	EXPECT_EQ(info.state, owner ? 3u : 0u);
	EXPECT_EQ(region.attribute("state"), owner ? "in-use" : "idle");
	EXPECT_EQ(info.poison ? "supported" : "unsupported", region.attribute("poison"));
	EXPECT_EQ(info.granule, granule);
}

TEST_P(Ioctl, InfoThatCannotBeReadOrWrittenIsAFault)
{
	for (std::uintptr_t address :
	     { std::uintptr_t{ 0 }, std::uintptr_t{ 1 }, std::uintptr_t{ 1 } << 63,
	       ~std::uintptr_t{ 0 }, ~std::uintptr_t{ 7 } })
		EXPECT_EQ(info_error(fd, reinterpret_cast<void *>(address)), EFAULT)
			<< std::hex << address;

	for (int protection : { PROT_NONE, PROT_READ }) {
		Fence fence(protection);

		for (std::uint32_t there = 8; there < sizeof(egm_info); there++) {
			std::memset(fence.last(there), 0, there);
			ask_info(fence.last(there), sizeof(egm_info));
			EXPECT_EQ(info_error(fd, fence.last(there)), EFAULT) << there;
		}
		ask_info(fence.last(sizeof(egm_info)), sizeof(egm_info));
		EXPECT_EQ(info_error(fd, fence.last(sizeof(egm_info))), 0);
	}
}

TEST_P(Ioctl, AnUnknownNumberIsSaidToBeUnknown)
{
	std::vector<unsigned char> buffer(needed);
	set_argsz(buffer.data(), needed);

	for (unsigned long request : std::initializer_list<unsigned long>{
		     0ul, ~0ul, _IO('E', 0), _IO('E', 99), _IO('E', 101), _IO('E', 109),
		     _IO('E', 111), _IO('E', 255), _IOR('E', 110, egm_info),
		     _IOWR('E', 110, egm_info), _IOR('E', 100, egm_retired_pages_list),
		     _IOW('E', 100, egm_retired_pages_list),
		     _IOWR('E', 100, egm_retired_pages_list), _IO('D', 100), _IO('F', 100),
		     _IO('e', 100), TCGETS }) {
		EXPECT_EQ(ioctl(fd.get(), request, buffer.data()), -1);
		EXPECT_EQ(errno, ENOTTY) << std::hex << request;
	}
}

TEST_P(Ioctl, SeekingFindsTheSize)
{
	const off_t size = static_cast<off_t>(region.size);
	const struct {
		off_t offset;
		int whence;
		off_t result;
	} cases[] = {
		{ 0, SEEK_END, size },
		{ 0, SEEK_CUR, size },
		{ 0, SEEK_SET, 0 },
		{ 0, SEEK_CUR, 0 },
		{ 1, SEEK_SET, 1 },
		{ 1, SEEK_CUR, 2 },
		{ -2, SEEK_CUR, 0 },
		{ -1, SEEK_CUR, -1 },
		{ -1, SEEK_SET, -1 },
		{ size, SEEK_SET, size },
		{ 1, SEEK_CUR, -1 },
		{ size + 1, SEEK_SET, -1 },
		{ 1, SEEK_END, -1 },
		{ -size, SEEK_END, 0 },
		{ -size - 1, SEEK_END, -1 },
		{ std::numeric_limits<off_t>::max(), SEEK_SET, -1 },
		{ std::numeric_limits<off_t>::max(), SEEK_END, -1 },
		{ std::numeric_limits<off_t>::min(), SEEK_END, -1 },
		{ 0, SEEK_DATA, -1 },
		{ 0, SEEK_HOLE, -1 },
		{ 0, 99, -1 },
		{ 0, SEEK_CUR, 0 },
	};

	for (const auto &seek : cases) {
		errno = 0;
		EXPECT_EQ(lseek(fd.get(), seek.offset, seek.whence), seek.result)
			<< seek.offset << " " << seek.whence;
		EXPECT_EQ(errno, seek.result < 0 ? EINVAL : 0) << seek.offset << " " << seek.whence;
	}
}

TEST_P(Ioctl, ReadingAndWritingAreNoWayIn)
{
	const int mode = GetParam() & O_ACCMODE;
	const int read_error = mode == O_RDONLY || mode == O_RDWR ? EINVAL : EBADF;
	const int write_error = mode == O_RDWR ? EINVAL : EBADF;
	char byte = 0;

	EXPECT_EQ(read(fd.get(), &byte, 1), -1);
	EXPECT_EQ(errno, read_error);
	EXPECT_EQ(pread(fd.get(), &byte, 1, 0), -1);
	EXPECT_EQ(errno, read_error);
	EXPECT_EQ(write(fd.get(), &byte, 1), -1);
	EXPECT_EQ(errno, write_error);
	EXPECT_EQ(pwrite(fd.get(), &byte, 1, 0), -1);
	EXPECT_EQ(errno, write_error);
}

INSTANTIATE_TEST_SUITE_P(, Ioctl, testing::Values(O_RDONLY, 3, O_RDWR), [](const auto &mode) {
	return mode.param == O_RDONLY ? "QueryHandle" : mode.param == 3 ? "BareHandle" : "Owner";
});

namespace {

/// A socket, and what the description says that becomes of its table.
class Table : public testing::TestWithParam<Region> {
protected:
	const Region region = GetParam();
	const nlohmann::json expect = region.description["expect"];
	const std::vector<std::uint64_t> offsets = expected_offsets(region);

	/// sysfs' text of the list.
	std::string text() const
	{
		std::string text;

		for (std::uint64_t offset : offsets)
			text += std::format("{:#018x} {:#018x} firmware\n", offset, granule);
		return text;
	}
};

} // namespace

TEST_P(Table, IsListedByIoctl)
{
	UniqueFd fd = region.open(O_RDONLY);
	ASSERT_TRUE(fd) << strerror(errno);
	std::uint32_t needed = header + entry * static_cast<std::uint32_t>(offsets.size());

	Answer answer = list(fd, header);
	EXPECT_EQ(answer.error, 0);
	EXPECT_EQ(answer.argsz, needed);
	EXPECT_EQ(answer.count, 0u);

	answer = list(fd, needed);
	EXPECT_EQ(answer.error, 0);
	EXPECT_TRUE(lists(answer.pages, offsets));
	EXPECT_TRUE(answer.rest_untouched);
}

TEST_P(Table, IsListedBySysfsWhateverIsReadAtATime)
{
	const std::string expected = text();

	EXPECT_EQ(region.attribute("retired_count"), std::to_string(offsets.size()));
	for (std::size_t chunk :
	     { 1ul, 7ul, 46ul, 47ul, 48ul, 1009ul, 4095ul, 4096ul, 1ul << 20 }) {
		// Some 200 KB byte by byte show no more than 1 KB does.
		if (expected.size() / chunk > 10000)
			continue;
		UniqueFd fd(open(region.sysfs("retired_pages").c_str(), O_RDONLY));
		ASSERT_TRUE(fd) << strerror(errno);

		std::string read_text;
		std::string buffer(chunk, '\0');
		ssize_t length;
		while ((length = read(fd.get(), buffer.data(), chunk)) > 0)
			read_text.append(buffer, 0, static_cast<std::size_t>(length));
		EXPECT_EQ(length, 0);
		EXPECT_EQ(read_text, expected) << "in chunks of " << chunk;
	}
}

TEST_P(Table, IsListedBySysfsFromAnyPlaceOn)
{
	const std::string expected = text();
	UniqueFd fd(open(region.sysfs("retired_pages").c_str(), O_RDONLY));
	ASSERT_TRUE(fd) << strerror(errno);
	std::array<char, 100> buffer;

	for (std::size_t start : { std::size_t{ 0 }, std::size_t{ 1 }, std::size_t{ 46 },
				   std::size_t{ 47 }, expected.size() / 2, expected.size() - 1,
				   expected.size(), expected.size() + 1, expected.size() + 4096 }) {
		if (start > expected.size() + 4096)
			continue;
		ssize_t length =
			pread(fd.get(), buffer.data(), buffer.size(), static_cast<off_t>(start));
		ASSERT_GE(length, 0) << start;
		EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(length)),
			  start < expected.size() ? expected.substr(start, buffer.size()) : "")
			<< "from " << start << " on";
	}
}

TEST_P(Table, IsSpokenOfInTheLogOnlyIfItIsBad)
{
	KernelLog log(KernelLog::Start::boot);
	std::vector<std::string> complaints;

	for (const KernelLog::Record &record : log.records()) {
		if (record.level <= 4 &&
		    record.text.find(" " + region.name() + ": ") != std::string::npos)
			complaints.push_back(record.text);
	}
	if (!expect.contains("log")) {
		EXPECT_EQ(complaints, std::vector<std::string>());
		return;
	}
	// The cause, and enough to find it in firmware.
	ASSERT_EQ(complaints.size(), 1u);
	EXPECT_NE(complaints[0].find(expect["log"]), std::string::npos) << complaints[0];
	EXPECT_NE(complaints[0].find("table"), std::string::npos) << complaints[0];
	if (complaints[0].find("refused") != std::string::npos) {
		std::uint64_t table = region.description["retired"]["address"];

		EXPECT_NE(complaints[0].find(std::format("{:#018x}", table)), std::string::npos)
			<< complaints[0];
		EXPECT_NE(complaints[0].find("nvidia,egm-retired-pages-data-base"),
			  std::string::npos)
			<< complaints[0];
	}
}

TEST_P(Table, DoesNotCostTheRegion)
{
	{
		UniqueFd owner = region.own();
		Mapping memory(owner, region.size);
		for (std::uint64_t offset = 0; offset < region.size; offset += granule)
			*memory.word(offset) = mark(offset);
	}
	UniqueFd owner = region.own();
	Mapping memory(owner, region.size);
	// All has been cleared but what is on the list, and nothing else.
	std::set<std::uint64_t> kept(offsets.begin(), offsets.end());
	for (std::uint64_t offset = 0; offset < region.size; offset += granule)
		ASSERT_EQ(*memory.word(offset), kept.contains(offset) ? mark(offset) : 0) << offset;
}

INSTANTIATE_TEST_SUITE_P(, Table, testing::ValuesIn(regions()), [](const auto &region) {
	std::string name = region.param.description["name"];
	std::ranges::replace(name, '-', '_');
	return name;
});
