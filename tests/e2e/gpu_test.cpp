// SPDX-License-Identifier: GPL-2.0-or-later
//
// A GPU's memory as VFIO shows it: two regions that look like BARs. Usable and Reserved name its
// parts; NotReady.* take minutes, and are for the suite that is about them.

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <format>
#include <functional>
#include <span>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "child.hpp"
#include "kernel_file.hpp"
#include "kernel_log.hpp"
#include "mapping.hpp"
#include "programs/gpu.hpp"
#include "programs/prober.hpp"
#include "region.hpp"
#include "touch.hpp"
#include "wait.hpp"

using namespace e2e;
using programs::Function, programs::Gpu, programs::Part, programs::reserved, programs::usable;

namespace {

const std::uint64_t page = static_cast<std::uint64_t>(getpagesize());
/// What one entry of the level above the last maps.
const std::uint64_t block = page * page / 8;
/// From the offset of one region in the file to that of the next.
constexpr std::uint64_t region_space = std::uint64_t{ 1 } << 40;

constexpr std::uint32_t readable_writable =
	VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
constexpr std::uint32_t with_mappable_part =
	readable_writable | VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;

/// The configuration space that an emulated BAR has: 64 bits, prefetchable.
constexpr unsigned int register_of(Part part)
{
	return PCI_BASE_ADDRESS_0 + 4 * part;
}
constexpr std::uint64_t bar_flags = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;

std::string test_name(std::string text)
{
	std::ranges::replace_if(
		text, [](unsigned char letter) { return !std::isalnum(letter); }, '_');
	return text;
}

class WholeGpu : public testing::TestWithParam<std::string> {
protected:
	void SetUp() override { gpu.set_decoding(true); }

	Gpu gpu{ GetParam() };
	const Function function = gpu.function();
};

class GpuPart : public testing::TestWithParam<std::tuple<std::string, Part>> {
protected:
	void SetUp() override { gpu.set_decoding(true); }

	Gpu gpu{ std::get<0>(GetParam()) };
	const Part part = std::get<1>(GetParam());
	const Function function = gpu.function();
	const std::uint64_t size = gpu.size(part), bar_size = gpu.bar_size(part);
	const std::uint64_t start = function.region(part).offset;

	/// Where two blocks meet; pages, if there is but one block.
	std::uint64_t seam() const { return std::min(block, size / 2); }

	ssize_t read(std::uint64_t offset, void *data, std::size_t length) const
	{
		return function.read(part, offset, data, length);
	}
	ssize_t write(std::uint64_t offset, const void *data, std::size_t length) const
	{
		return function.write(part, offset, data, length);
	}
	std::uint64_t word(std::uint64_t offset) const
	{
		std::uint64_t value = 0;

		EXPECT_EQ(read(offset, &value, sizeof(value)), 8) << std::hex << offset;
		return value;
	}
	void set_word(std::uint64_t offset, std::uint64_t value) const
	{
		EXPECT_EQ(write(offset, &value, sizeof(value)), 8) << std::hex << offset;
	}
	/// What mmap(2) of the part fails with, 0 if it does not.
	int error_of_map(std::uint64_t length, std::uint64_t offset,
			 int protection = PROT_READ | PROT_WRITE, int flags = MAP_SHARED) const
	{
		return map_error(gpu.device().get(), length, start + offset, protection, flags);
	}
};

struct Name {
	std::string operator()(const testing::TestParamInfo<GpuPart::ParamType> &info) const
	{
		return test_name(std::get<0>(info.param)) +
		       (std::get<1>(info.param) == usable ? "_usable" : "_reserved");
	}
	std::string operator()(const testing::TestParamInfo<std::string> &info) const
	{
		return test_name(info.param);
	}
};

/// Without memory: what a function of that kind has by itself.
class Core : public testing::TestWithParam<std::string> {
protected:
	Gpu gpu{ GetParam() };
	const Function function = gpu.function();
};

const auto with_memory = testing::ValuesIn(programs::gpus_that_expect("usable"));

INSTANTIATE_TEST_SUITE_P(Gpu, WholeGpu, with_memory, Name());
INSTANTIATE_TEST_SUITE_P(Gpu, GpuPart,
			 testing::Combine(with_memory, testing::Values(reserved, usable)), Name());
INSTANTIATE_TEST_SUITE_P(Gpu, Core, testing::ValuesIn(programs::gpus_that_expect("core")), Name());

} // namespace

TEST_P(GpuPart, IsARegionWithAPartThatCanBeMapped)
{
	const Function::Region region = function.region(part);

	EXPECT_EQ(region.size, bar_size);
	EXPECT_EQ(region.flags, with_mappable_part);
	EXPECT_EQ(region.offset, part * region_space);
	EXPECT_EQ(region.version, 1u);
	EXPECT_EQ(region.mappable, std::vector({ Function::Area{ 0, size } }));
}

TEST_P(GpuPart, IsToldToWhoHasNoRoomForAllOfIt)
{
	vfio_region_info info = {};

	info.argsz = sizeof(info);
	info.index = part;
	ASSERT_EQ(ioctl(gpu.device().get(), VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	EXPECT_EQ(info.size, bar_size);
	EXPECT_EQ(info.flags, with_mappable_part);
	EXPECT_EQ(info.cap_offset, 0u);
	EXPECT_GE(info.argsz, sizeof(info) + sizeof(vfio_region_info_cap_sparse_mmap) +
				      sizeof(vfio_region_sparse_mmap_area));
	info.argsz = offsetof(vfio_region_info, offset);
	EXPECT_EQ(ioctl(gpu.device().get(), VFIO_DEVICE_GET_REGION_INFO, &info), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_P(WholeGpu, HasItsOtherRegionsToo)
{
	const Function::Region bar0 = function.region(VFIO_PCI_BAR0_REGION_INDEX);

	EXPECT_GE(bar0.size, 0x10000u);
	EXPECT_EQ(bar0.flags & with_mappable_part & ~VFIO_REGION_INFO_FLAG_CAPS,
		  readable_writable | VFIO_REGION_INFO_FLAG_MMAP);
	// The first ones of a CXL device answer nobody.
	const Mapping registers(gpu.device(), 0x10000, bar0.offset);
	ASSERT_EQ(read_from(registers.data() + 0x1000), 0);
	// What is written there is up to it, but there is only one answer.
	std::uint32_t word = 0x5a5a5a5a;
	EXPECT_EQ(function.write(VFIO_PCI_BAR0_REGION_INDEX, 0x1000, &word, sizeof(word)), 4);
	EXPECT_EQ(function.read(VFIO_PCI_BAR0_REGION_INDEX, 0x1000, &word, sizeof(word)), 4);
	EXPECT_EQ(word, *reinterpret_cast<volatile std::uint32_t *>(registers.data() + 0x1000));
	EXPECT_GE(function.region(VFIO_PCI_CONFIG_REGION_INDEX).size, 256u);
	EXPECT_THROW(function.region(VFIO_PCI_NUM_REGIONS), std::system_error);
}

// The one that can report errors is a CXL device behind a port.
TEST(BusError, IsToldToWhoHasTheGpu)
{
	const Gpu gpu("capability");
	const UniqueFd event(eventfd(0, EFD_CLOEXEC));
	ASSERT_EQ(gpu.function().tell_errors(event), 0);
	pollfd told = { event.get(), POLLIN, 0 };

	EXPECT_EQ(poll(&told, 1, 0), 0);
	// A completion that did not come
	run({ "/egm/lib/qmp.py", "human-monitor-command",
	      R"({"command-line": "pcie_aer_inject_error capability 0x4000"})" });
	EXPECT_EQ(poll(&told, 1, 100'000), 1);
	EXPECT_NE(gpu.config(0), 0xffffffff);
}

TEST_P(GpuPart, TellsItsSizeAsABarDoes)
{
	const unsigned int at = register_of(part);
	const auto value = [&] {
		return gpu.config(at) | std::uint64_t{ gpu.config(at + 4) } << 32;
	};

	EXPECT_EQ(value(), bar_flags);
	gpu.set_config(at, ~0u);
	gpu.set_config(at + 4, ~0u);
	EXPECT_EQ(value(), ~(bar_size - 1) | bar_flags);
	gpu.set_config(at, static_cast<std::uint32_t>(3 * bar_size));
	gpu.set_config(at + 4, 0x12345678);
	EXPECT_EQ(value(), 0x12345678'00000000 | (3 * bar_size & 0xffffffff) | bar_flags);
	gpu.set_config(at, 0);
	EXPECT_EQ(value(), 0x12345678'00000000 | bar_flags);
}

namespace {

/// Both registers, as they lie beside each other.
class Registers {
public:
	static constexpr unsigned int first = PCI_BASE_ADDRESS_2;

	Registers(const Gpu &gpu, const std::array<std::uint8_t, 16> &written) : bytes(written)
	{
		for (const Part part : { reserved, usable }) {
			std::uint64_t value;
			std::uint8_t *const place = bytes.data() + register_of(part) - first;

			std::memcpy(&value, place, sizeof(value));
			value = (value & ~(gpu.bar_size(part) - 1)) | bar_flags;
			std::memcpy(place, &value, sizeof(value));
		}
	}

	/// What reads there.
	std::array<std::uint8_t, 16> bytes;
};

constexpr unsigned int config = VFIO_PCI_CONFIG_REGION_INDEX;

} // namespace

TEST_P(WholeGpu, AnyReadThatMeetsTheRegistersShowsThem)
{
	const std::array<std::uint8_t, 16> written = { 0x11, 0x22, 0x33, 0xe4, 0x55, 0x66,
						       0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc,
						       0xdd, 0xee, 0xff, 0x10 };
	const unsigned int first = PCI_BASE_ADDRESS_1, end = PCI_ROM_ADDRESS;
	std::array<std::uint8_t, end - first> expected;

	ASSERT_EQ(function.write(config, Registers::first, written.data(), written.size()), 16);
	for (unsigned int at = first; at < end; at++)
		ASSERT_EQ(function.read(config, at, &expected[at - first], 1), 1);
	const Registers registers(gpu, written);
	EXPECT_TRUE(std::ranges::equal(registers.bytes,
				       std::span(expected).subspan(Registers::first - first, 16)));

	for (unsigned int at = first; at < end; at++) {
		for (unsigned int length = 1; length <= end - at; length++) {
			std::array<std::uint8_t, end - first> got = {};

			ASSERT_EQ(function.read(config, at, got.data(), length),
				  static_cast<ssize_t>(length))
				<< std::hex << at;
			EXPECT_TRUE(std::equal(got.begin(), got.begin() + length,
					       expected.begin() + (at - first)))
				<< std::format("{} bytes at {:#x}", length, at);
		}
	}
}

TEST_P(WholeGpu, AnyWriteThatMeetsTheRegistersSetsThem)
{
	const unsigned int first = PCI_BASE_ADDRESS_1, end = PCI_ROM_ADDRESS;

	for (unsigned int at = first; at < Registers::first + 16; at++) {
		for (unsigned int length = 1; length <= end - at; length++) {
			std::array<std::uint8_t, end - first> data;
			std::array<std::uint8_t, 16> bytes, got;

			bytes.fill(0x5a);
			ASSERT_EQ(function.write(config, Registers::first, bytes.data(), 16), 16);
			for (unsigned int i = 0; i < length; i++) {
				data[i] = static_cast<std::uint8_t>(~(at + i));
				if (at + i >= Registers::first && at + i < Registers::first + 16)
					bytes[at + i - Registers::first] = data[i];
			}
			ASSERT_EQ(function.write(config, at, data.data(), length),
				  static_cast<ssize_t>(length))
				<< std::hex << at;
			ASSERT_EQ(function.read(config, Registers::first, got.data(), 16), 16);
			EXPECT_EQ(got, Registers(gpu, bytes).bytes)
				<< std::format("{} bytes at {:#x}", length, at);
		}
	}
}

TEST_P(GpuPart, ForgetsItsAddressWhenTheGpuIsResetOrOpened)
{
	const unsigned int at = register_of(part);
	const auto move = [&] {
		gpu.set_config(at + 4, 0x1234);
		EXPECT_EQ(gpu.config(at + 4), 0x1234u);
	};

	move();
	EXPECT_EQ(function.reset(), 0);
	EXPECT_EQ(gpu.config(at + 4), 0u);
	move();
	EXPECT_EQ(gpu.hot_reset(), 0);
	EXPECT_EQ(gpu.config(at + 4), 0u);
	move();
	gpu.close();
	gpu.open();
	EXPECT_EQ(gpu.config(at + 4), 0u);
}

TEST_P(GpuPart, HoldsWhatIsWritten)
{
	// Odd places, many lengths, the first and the last byte, and what two pages or blocks share
	const std::uint64_t places[] = { 0, 1, 7, page - 3, seam() - 5, size / 2 + 1, size - 70 };
	std::array<std::uint8_t, 70> data, got;

	for (const std::uint64_t place : places) {
		for (std::size_t length : { 1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 70 }) {
			for (std::size_t i = 0; i < length; i++)
				data[i] = static_cast<std::uint8_t>(place + 3 * i + length);
			const std::uint64_t at = place + 70 - length;
			ASSERT_EQ(write(at, data.data(), length), static_cast<ssize_t>(length));
			got.fill(0);
			ASSERT_EQ(read(at, got.data(), length), static_cast<ssize_t>(length));
			EXPECT_TRUE(std::equal(got.begin(), got.begin() + static_cast<long>(length),
					       data.begin()))
				<< std::format("{} bytes at {:#x}", length, at);
		}
	}
}

TEST_P(GpuPart, TransfersMegabytesAtOnce)
{
	std::vector<std::uint64_t> data(3 << 17), got(data.size());
	const std::uint64_t place = size - 8 * data.size() - 4;

	for (std::size_t i = 0; i < data.size(); i++)
		data[i] = mark(i);
	const auto length = static_cast<ssize_t>(8 * data.size());
	ASSERT_EQ(write(place, data.data(), 8 * data.size()), length);
	ASSERT_EQ(read(place, got.data(), 8 * data.size()), length);
	EXPECT_EQ(got, data);
}

TEST_P(GpuPart, ReadsAsOnesBehindTheMemory)
{
	std::array<std::uint8_t, 64> got = {}, data;

	data.fill(0x21);
	if (size < bar_size) {
		// Across the end of the memory, behind it, and to the end of the BAR
		ASSERT_EQ(write(size - 24, data.data(), 64), 64);
		ASSERT_EQ(read(size - 24, got.data(), 64), 64);
		EXPECT_TRUE(std::ranges::all_of(std::span(got).first(24),
						[](int byte) { return byte == 0x21; }));
		EXPECT_TRUE(std::ranges::all_of(std::span(got).subspan(24),
						[](int byte) { return byte == 0xff; }));
		EXPECT_EQ(write(size, data.data(), 64), 64);
		got = {};
		EXPECT_EQ(read(size, got.data(), 64), 64);
		EXPECT_TRUE(std::ranges::all_of(got, [](int byte) { return byte == 0xff; }));
	}
	// What is behind the BAR does not exist.
	EXPECT_EQ(write(bar_size - 8, data.data(), 64), 8);
	EXPECT_EQ(read(bar_size - 8, got.data(), 64), 8);
	for (const std::uint64_t beyond :
	     { bar_size, bar_size + 1, 2 * bar_size, region_space - 64 }) {
		EXPECT_EQ(read(beyond, got.data(), 64), -1);
		EXPECT_EQ(errno, EINVAL);
		EXPECT_EQ(write(beyond, data.data(), 64), -1);
		EXPECT_EQ(errno, EINVAL);
	}
}

TEST_P(GpuPart, NeedsABuffer)
{
	auto *const nowhere = reinterpret_cast<void *>(8);

	EXPECT_EQ(read(0, nowhere, 8), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(write(0, nowhere, 8), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(read(0, nowhere, 0), 0);
	EXPECT_EQ(write(0, nowhere, 0), 0);
}

TEST_P(GpuPart, LiesWhereFirmwareSays)
{
	// Whoever gets around the driver sees the same.
	const UniqueFd memory = open_file("/dev/mem", O_RDWR | O_SYNC);
	const std::uint64_t last = size - page;

	for (const std::uint64_t at : { std::uint64_t{ 0 }, last }) {
		const Mapping physical(memory, page, gpu.address(part) + at);

		set_word(at, mark(at));
		EXPECT_EQ(*physical.word(0), mark(at));
		*physical.word(0) = ~mark(at);
		EXPECT_EQ(word(at), ~mark(at));
	}
}

TEST_P(GpuPart, IsMappedSharedOrNotAtAll)
{
	EXPECT_EQ(error_of_map(page, 0), 0);
	EXPECT_EQ(error_of_map(size, 0), 0);
	EXPECT_EQ(error_of_map(page, size - page), 0);
	EXPECT_EQ(error_of_map(page, 0, PROT_READ), 0);

	EXPECT_EQ(error_of_map(page, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE), EINVAL);
	EXPECT_EQ(error_of_map(page, 0, PROT_READ, MAP_PRIVATE), EINVAL);
	EXPECT_EQ(error_of_map(size + page, 0), EINVAL);
	EXPECT_EQ(error_of_map(2 * page, size - page), EINVAL);
	EXPECT_EQ(error_of_map(page, size), EINVAL);
	EXPECT_EQ(error_of_map(page, bar_size), EINVAL);
	// Into the next region
	EXPECT_EQ(error_of_map(2 * page, region_space - page), EINVAL);
	EXPECT_EQ(error_of_map(std::uint64_t{ 1 } << 46, page), EINVAL);
}

TEST_P(GpuPart, ShowsTheSameToWhoMapsAndWhoReads)
{
	for (const std::uint64_t at : { std::uint64_t{ 0 }, seam() - page, size - 4 * page }) {
		const Mapping slice = gpu.map(part, 4 * page, at);

		fill(slice, at);
		for (std::uint64_t offset = 0; offset < 4 * page; offset += page / 2)
			EXPECT_EQ(word(at + offset), mark(at + offset));
		set_word(at + page + 8, 0x1122334455667788);
		EXPECT_EQ(*slice.word(page + 8), 0x1122334455667788u);
		// Memory, not a device's registers: any byte
		EXPECT_EQ(outcome([&] {
				  struct __attribute__((packed)) Odd {
					  std::uint64_t word;
				  };
				  auto *odd = reinterpret_cast<volatile Odd *>(slice.data() + 3);
				  odd->word = 0x0102030405060708;
				  return odd->word == 0x0102030405060708 ? 0 : 1;
			  }),
			  0);
	}
}

TEST_P(GpuPart, IsMappedByBlocksWhereItIsAligned)
{
	const bool aligned = gpu.address(part) % block == 0;
	const std::uint64_t length = std::min(size / block, std::uint64_t{ 16 }) * block;
	// As much more as it takes to begin at a block
	const Mapping space = Mapping::anonymous(length + block);
	const auto first = reinterpret_cast<std::uintptr_t>(space.data());
	std::byte *const place = space.data() + (-first & (block - 1));

	ASSERT_EQ(map(gpu.device().get(), length, start, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED, place),
		  place);
	if (aligned)
		EXPECT_EQ(touch(place, length).faults, static_cast<long>(length / block));
	else
		EXPECT_EQ(touch(place, 16 * page).faults, 16);
	// From the middle of a block on, and a part of it taken out
	ASSERT_EQ(munmap(place + 2 * page, page), 0);
	*reinterpret_cast<std::uint64_t *>(place + page) = mark(page);
	EXPECT_EQ(word(page), mark(page));
}

TEST_P(GpuPart, AMappingLastsLongerThanItsFile)
{
	{
		const Mapping slice = gpu.map(part, page);

		gpu.close();
		*slice.word(0) = mark(0);
		EXPECT_EQ(*slice.word(0), mark(0));
	}
	gpu.open();
}

TEST_P(GpuPart, CannotBeTouchedWhileTheDeviceDoesNotAnswer)
{
	const Mapping touched = gpu.map(part, page), later = gpu.map(part, page, size - page);
	std::array<int, 2> ends;

	*touched.word(0) = mark(1);
	ASSERT_EQ(pipe(ends.data()), 0);
	const UniqueFd out(ends[0]), in(ends[1]);
	for (int round = 0; round < 3; round++) {
		gpu.set_decoding(false);
		EXPECT_EQ(read_from(touched.data()), -SIGBUS);
		EXPECT_EQ(write_to(later.data()), -SIGBUS);
		// A system call does not raise a signal.
		EXPECT_EQ(::write(in.get(), touched.data(), 1), -1);
		EXPECT_EQ(errno, EFAULT);
		gpu.set_decoding(true);
		EXPECT_EQ(read_from(touched.data()), 0);
		EXPECT_EQ(write_to(later.data()), 0);
		EXPECT_EQ(*touched.word(0), mark(1));
	}
}

TEST_P(GpuPart, IsThereAgainAfterAReset)
{
	const Mapping slice = gpu.map(part, page);

	*slice.word(0) = mark(2);
	EXPECT_EQ(function.reset(), 0);
	gpu.set_decoding(true);
	EXPECT_EQ(*slice.word(0), mark(2));
	EXPECT_EQ(word(0), mark(2));
	EXPECT_EQ(gpu.hot_reset(), 0);
	gpu.set_decoding(true);
	EXPECT_EQ(*slice.word(0), mark(2));
	EXPECT_EQ(word(0), mark(2));
}

TEST_P(GpuPart, CannotBeTouchedWhileTheUserLetsTheGpuSleep)
{
	const Mapping slice = gpu.map(part, page);

	*slice.word(0) = mark(3);
	ASSERT_EQ(function.set_feature(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY), 0);
	EXPECT_EQ(read_from(slice.data()), -SIGBUS);
	// This wakes it for a moment.
	EXPECT_EQ(word(0), mark(3));
	EXPECT_EQ(read_from(slice.data()), -SIGBUS);
	ASSERT_EQ(function.set_feature(VFIO_DEVICE_FEATURE_LOW_POWER_EXIT), 0);
	EXPECT_EQ(read_from(slice.data()), 0);
	EXPECT_EQ(*slice.word(0), mark(3));
}

TEST_P(GpuPart, TouchesMayRaceWithAllThatTakesItAway)
{
	const Mapping slice = gpu.map(part, 64 * page);
	Child toucher([&] {
		programs::Prober prober;

		for (;;)
			programs::Prober::readable_pages(slice.bytes());
		return 0;
	});

	for (int round = 0; round < 50; round++) {
		gpu.set_decoding(false);
		gpu.set_decoding(true);
		if (round % 10 == 0) {
			EXPECT_EQ(function.reset(), 0);
			gpu.set_decoding(true);
		}
	}
	EXPECT_EQ(toucher.kill(), -SIGKILL);
	EXPECT_EQ(read_from(slice.data()), 0);
}

TEST_P(GpuPart, HasNoEventForAWrite)
{
	vfio_device_ioeventfd event = {};

	event.argsz = sizeof(event);
	event.flags = VFIO_DEVICE_IOEVENTFD_32;
	event.offset = start;
	event.fd = -1;
	EXPECT_EQ(ioctl(gpu.device().get(), VFIO_DEVICE_IOEVENTFD, &event), -1);
	EXPECT_EQ(errno, ENOTTY);
}

// VFIO has a DMA buffer only of a region behind which there is a BAR of the device.
TEST_P(GpuPart, IsADmaBufferWhereTheKernelCan)
{
	const std::string parent = "/sys/bus/pci/devices/" +
				   gpu.description["address"].get<std::string>() + "/resource";
	std::istringstream lines(text_of(parent));
	std::string line;

	for (unsigned int i = 0; i <= part; i++)
		std::getline(lines, line);
	const bool has_bar = !line.starts_with("0x0000000000000000 0x0000000000000000");
	errno = 0;
	const UniqueFd buffer = function.dma_buffer(part, { 0, page });
	if (std::string(std::getenv("EGM_KERNEL")).starts_with("debian-6.12")) {
		EXPECT_EQ(errno, ENOTTY);
		return;
	}
	EXPECT_EQ(errno, has_bar ? 0 : ENODEV);
	if (has_bar) {
		EXPECT_EQ(lseek(buffer.get(), 0, SEEK_END), static_cast<off_t>(page));
		EXPECT_FALSE(function.dma_buffer(part, { size, page }));
		EXPECT_EQ(errno, EINVAL);
		EXPECT_TRUE(function.dma_buffer(part, { size - page, page }));
	}
}

TEST(TwoGpus, HaveTheirOwnMemory)
{
	std::vector<std::string> names = programs::gpus_that_expect("usable");
	const Gpu first(names.at(0)), second(names.at(1));

	for (const Gpu *gpu : { &first, &second })
		gpu->set_decoding(true);
	for (const Part part : { usable, reserved }) {
		const Mapping one = first.map(part, page), other = second.map(part, page);

		fill(one, 0);
		fill(other, 1 << 20);
		EXPECT_TRUE(filled(one, 0));
		EXPECT_TRUE(filled(other, 1 << 20));
	}
	first.set_config(register_of(usable), ~0u);
	EXPECT_EQ(second.config(register_of(usable)), bar_flags);
}

TEST_P(Core, HasTheBarsOfTheDeviceAndNoOthers)
{
	const Function::Region bar2 = function.region(reserved), bar4 = function.region(usable);
	std::uint32_t word = 0;

	EXPECT_EQ(bar2.size, 4096u);
	EXPECT_EQ(bar2.version, 0u);
	EXPECT_EQ(bar4.size, 0u);
	EXPECT_EQ(bar4.flags, 0u);
	EXPECT_EQ(function.read(usable, 0, &word, sizeof(word)), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(function.write(usable, 0, &word, sizeof(word)), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(map_error(gpu.device().get(), page, bar4.offset), EINVAL);

	gpu.set_config(register_of(reserved), ~0u);
	EXPECT_EQ(gpu.config(register_of(reserved)), ~4095u);
	gpu.set_config(register_of(usable), ~0u);
	EXPECT_EQ(gpu.config(register_of(usable)), 0u);
}

// Whoever has such a buffer reaches what is there by physical address, past all BARs.
TEST_P(Core, HasNoDmaBufferOfWhatWasRefused)
{
	EXPECT_FALSE(function.dma_buffer(reserved, { page, page }));
	EXPECT_FALSE(function.dma_buffer(usable, { 0, page }));
}

TEST_P(Core, IsWhatTheLogSays)
{
	const std::string address = gpu.description["address"];
	const std::string words = gpu.description["expect"]["core"];
	KernelLog log(KernelLog::Start::boot);
	const auto is_refusal = [&](const KernelLog::Record &record) {
		return record.level <= 3 &&
		       record.text.find(address + ": GPU memory refused") != std::string::npos;
	};
	const auto has_words = [&](const KernelLog::Record &record) {
		return is_refusal(record) && record.text.find(words) != std::string::npos;
	};

	EXPECT_EQ(std::ranges::count_if(log.records(), is_refusal), words.empty() ? 0 : 1);
	EXPECT_EQ(std::ranges::count_if(log.records(), has_words), words.empty() ? 0 : 1);
}

// A GPU without memory once claimed all of the host's, and kept it.
TEST_P(Core, LeavesNothingBehindThatOthersStumbleOver)
{
	gpu.close();
	for (const std::string &name : programs::gpus_that_expect("usable")) {
		const Gpu other(name);

		gpu.open();
		other.set_decoding(true);
		EXPECT_EQ(read_from(other.map(usable, page).data()), 0);
		gpu.close();
	}
	gpu.open();
}

namespace {

/// A GPU whose registers say, from a reset on, that its memory cannot be used.
class NotReady : public testing::Test {
protected:
	void SetUp() override
	{
		gpu.set_decoding(true);
		*slice.word(0) = mark(4);
		gpu.say_ready(0);
		ASSERT_EQ(gpu.function().reset(), 0);
		gpu.set_decoding(true);
	}
	void TearDown() override
	{
		gpu.say_ready();
		EXPECT_EQ(read_from(slice.data()), 0);
		EXPECT_EQ(*slice.word(0), mark(4));
	}

	Gpu gpu{ "registers" };
	Mapping slice = gpu.map(usable, page);
	const std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();

	double seconds() const
	{
		return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
			.count();
	}
	/// The first word: 0 if it is what it was, else errno.
	int read() const
	{
		std::uint64_t word = 0;

		if (gpu.function().read(usable, 0, &word, sizeof(word)) < 0)
			return errno;
		return word == mark(4) ? 0 : 255;
	}
	/// Afterwards it is not, which nobody looks at without a reason.
	void see_it_ready() const
	{
		gpu.say_ready();
		ASSERT_EQ(read(), 0);
		gpu.say_ready(0);
		ASSERT_EQ(read(), 0);
	}
	/// Does something that has to wait until the GPU is ready.
	int waits_for_it(const std::function<int()> &body)
	{
		const Mapping shared = Mapping::anonymous(page);
		Child child([&] {
			const int status = body();
			*static_cast<volatile std::uint64_t *>(shared.word(0)) = 1;
			return status;
		});

		sleep(3);
		EXPECT_EQ(*static_cast<volatile std::uint64_t *>(shared.word(0)), 0u)
			<< "nobody has waited";
		gpu.say_ready();
		return child.wait();
	}
};

} // namespace

TEST_F(NotReady, ATouchWaitsUntilItIs)
{
	EXPECT_EQ(waits_for_it([&] {
			  static_cast<void>(*static_cast<volatile std::uint64_t *>(slice.word(0)));
			  return 0;
		  }),
		  0);
	EXPECT_LT(seconds(), 20);
}

TEST_F(NotReady, AReadWaitsUntilItIs)
{
	EXPECT_EQ(waits_for_it([&] { return read(); }), 0);
	EXPECT_LT(seconds(), 20);
}

TEST_F(NotReady, WhoWaitsCanBeKilled)
{
	Child toucher([&] {
		static_cast<void>(*static_cast<volatile std::uint64_t *>(slice.word(0)));
		return 0;
	});
	Child reader([&] { return read(); });

	sleep(2);
	EXPECT_EQ(toucher.kill(), -SIGKILL);
	EXPECT_EQ(reader.kill(), -SIGKILL);
	EXPECT_LT(seconds(), 20);
}

TEST_F(NotReady, AReadWaitsAfterAnErrorOfTheBus)
{
	KernelLog log;

	see_it_ready();
	const std::string bus = gpu.description["address"].get<std::string>().substr(5, 2);
	run({ "/egm/lib/qmp.py", "human-monitor-command",
	      R"({"command-line": "pcie_aer_inject_error port)" + bus + R"( 0x4000"})" });
	ASSERT_TRUE(wait_until([&] { return log.count("device recovery successful") > 0; }));
	EXPECT_EQ(waits_for_it([&] { return read(); }), 0);
}

TEST_F(NotReady, AReadWaitsAfterASleep)
{
	see_it_ready();
	ASSERT_EQ(gpu.function().set_feature(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY), 0);
	ASSERT_EQ(gpu.function().set_feature(VFIO_DEVICE_FEATURE_LOW_POWER_EXIT), 0);
	EXPECT_EQ(waits_for_it([&] { return read(); }), 0);
}

TEST_F(NotReady, EachReadInASleepWaits)
{
	see_it_ready();
	ASSERT_EQ(gpu.function().set_feature(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY), 0);
	gpu.say_ready();
	EXPECT_EQ(read(), 0);
	gpu.say_ready(0);
	EXPECT_EQ(waits_for_it([&] { return read(); }), 0);
	ASSERT_EQ(gpu.function().set_feature(VFIO_DEVICE_FEATURE_LOW_POWER_EXIT), 0);
}

TEST_F(NotReady, ATouchEndsInSigbusAtTheLimit)
{
	EXPECT_EQ(read_from(slice.data()), -SIGBUS);
	EXPECT_GE(seconds(), 29);
	EXPECT_LT(seconds(), 60);
}

TEST_F(NotReady, AReadFailsAtTheLimit)
{
	EXPECT_EQ(read(), EIO);
	EXPECT_GE(seconds(), 29);
	EXPECT_LT(seconds(), 60);
}

TEST(ReadyByCapability, AtOnceAfterAReset)
{
	const Gpu gpu("capability");
	const auto begin = std::chrono::steady_clock::now();

	gpu.set_decoding(true);
	const Mapping slice = gpu.map(usable, page);
	*slice.word(0) = mark(5);
	ASSERT_EQ(gpu.function().reset(), 0);
	gpu.set_decoding(true);
	EXPECT_EQ(*slice.word(0), mark(5));
	EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}
