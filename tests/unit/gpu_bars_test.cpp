// SPDX-License-Identifier: GPL-2.0-or-later
#include "gpu_logic.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace {

constexpr u64 gi = 1ULL << 30;

struct GpuBars : testing::Test {
	GpuBars()
	{
		EXPECT_STREQ(gpu_layout(&hopper, 0x420000000000, 96 * gi, 65536, true), nullptr);
		EXPECT_STREQ(gpu_layout(&blackwell, 0x420000000000, 186 * gi, 65536, false),
			     nullptr);
	}

	// Config space of a device that lacks the BARs. Accesses go to whoever answers each byte.
	std::vector<u8> read(gpu_memory &memory, u64 offset, size_t count)
	{
		std::vector<u8> bytes(count);
		walk(memory, offset, count, [&](gpu_part *part, u64 at, size_t n) {
			u8 *to = bytes.data() + (at - offset);
			if (part)
				gpu_bars_read(part, at, to, n);
			else
				std::memcpy(to, device.data() + at, n);
		});
		return bytes;
	}

	void write(gpu_memory &memory, u64 offset, const std::vector<u8> &bytes)
	{
		walk(memory, offset, bytes.size(), [&](gpu_part *part, u64 at, size_t n) {
			const u8 *from = bytes.data() + (at - offset);
			if (part)
				gpu_bars_write(part, at, from, n);
			else
				std::memcpy(device.data() + at, from, n);
		});
	}

	u64 read64(gpu_memory &memory, u64 offset)
	{
		u64 value;
		std::memcpy(&value, read(memory, offset, sizeof(value)).data(), sizeof(value));
		return value;
	}

	void write32(gpu_memory &memory, u64 offset, u32 value)
	{
		std::vector<u8> bytes(sizeof(value));
		std::memcpy(bytes.data(), &value, sizeof(value));
		write(memory, offset, bytes);
	}

	template <typename Visit>
	void walk(gpu_memory &memory, u64 offset, size_t count, Visit visit)
	{
		for (size_t done = 0; done < count;) {
			gpu_part *part;
			size_t n = gpu_bars_next(&memory, offset + done, count - done, &part);
			ASSERT_GT(n, 0U);
			ASSERT_LE(n, count - done);
			visit(part, offset + done, n);
			done += n;
		}
	}

	gpu_memory hopper, blackwell;
	std::array<u8, 256> device{};
};

} // namespace

TEST_F(GpuBars, CutAnAccessWhereAnotherAnswers)
{
	gpu_part *const device_itself = nullptr;
	gpu_part *const reserved = &hopper.reserved, *const usable = &hopper.usable;
	struct {
		u64 offset;
		size_t count, next;
		gpu_part *part;
	} table[] = {
		{ 0x00, 1, 1, device_itself },
		{ 0x00, 256, 0x18, device_itself },
		{ 0x17, 1, 1, device_itself },
		{ 0x17, 2, 1, device_itself },
		{ 0x18, 1, 1, reserved },
		{ 0x18, 8, 8, reserved },
		{ 0x18, 9, 8, reserved },
		{ 0x1f, 1, 1, reserved },
		{ 0x1f, 4, 1, reserved },
		{ 0x20, 8, 8, usable },
		{ 0x27, 2, 1, usable },
		{ 0x28, 216, 216, device_itself },
		{ 0xfff, 1, 1, device_itself },
		{ (1ULL << 40) - 1, SIZE_MAX, SIZE_MAX, device_itself },
	};
	for (const auto &row : table) {
		gpu_part *part = nullptr;
		EXPECT_EQ(gpu_bars_next(&hopper, row.offset, row.count, &part), row.next)
			<< row.offset << " " << row.count;
		EXPECT_EQ(part, row.part) << row.offset << " " << row.count;
	}
}

TEST_F(GpuBars, LeaveToTheDeviceWhatThereIsNoPartFor)
{
	gpu_part *part = &blackwell.usable;
	EXPECT_EQ(gpu_bars_next(&blackwell, 0x18, 16, &part), 8U);
	EXPECT_EQ(part, nullptr);
	EXPECT_EQ(gpu_bars_next(&blackwell, 0x20, 16, &part), 8U);
	EXPECT_EQ(part, &blackwell.usable);
}

TEST_F(GpuBars, AreSizedAsTheSpecificationSays)
{
	// 64 bits, prefetchable, nothing written yet
	EXPECT_EQ(read64(hopper, 0x18), 0xcU);
	EXPECT_EQ(read64(hopper, 0x20), 0xcU);
	for (u64 offset = 0x18; offset < 0x28; offset += 4)
		write32(hopper, offset, ~0U);
	EXPECT_EQ(read64(hopper, 0x18), ~(gi - 1) | 0xc);
	EXPECT_EQ(read64(hopper, 0x20), ~(128 * gi - 1) | 0xc);

	write32(blackwell, 0x20, ~0U);
	write32(blackwell, 0x24, ~0U);
	EXPECT_EQ(read64(blackwell, 0x20), ~(256 * gi - 1) | 0xc);
	// No device register was touched.
	EXPECT_EQ(device, decltype(device){});
}

TEST_F(GpuBars, KeepAnAddress)
{
	write32(hopper, 0x20, 0);
	write32(hopper, 0x24, 0x80);
	EXPECT_EQ(read64(hopper, 0x20), 0x800000000cU);
	// What lies below the size does not stick.
	write32(hopper, 0x20, 0x7fffffff);
	EXPECT_EQ(read64(hopper, 0x20), 0x800000000cU);
	EXPECT_EQ(read64(hopper, 0x18), 0xcU);
}

TEST_F(GpuBars, TakeBytesOneByOne)
{
	write(hopper, 0x1d, { 0x34 });
	write(hopper, 0x1e, { 0x12 });
	EXPECT_EQ(read64(hopper, 0x18), 0x1234000000000cULL);
	EXPECT_EQ(read(hopper, 0x1e, 1), std::vector<u8>{ 0x12 });
	EXPECT_EQ(read(hopper, 0x18, 1), std::vector<u8>{ 0x0c });
}

TEST_F(GpuBars, SurviveAccessesOfEveryPlaceAndSize)
{
	for (u64 offset = 0x10; offset < 0x30; offset++)
		for (size_t count = 1; count <= 0x20; count++) {
			SCOPED_TRACE(testing::Message() << offset << " " << count);
			gpu_bars_reset(&hopper);
			device.fill(0xee);
			write(hopper, offset, std::vector<u8>(count, 0xff));

			std::vector<u8> all = read(hopper, 0, device.size());
			for (u64 at = 0; at < device.size(); at++) {
				bool written = at >= offset && at < offset + count;
				u64 size = at < 0x20 ? gi : 128 * gi;
				u8 mask = static_cast<u8>(~(size - 1) >> 8 * (at % 8));
				u8 expected = written ? 0xff : 0xee;
				if (at >= 0x18 && at < 0x28) {
					expected = written ? mask : 0;
					expected |= at % 8 ? 0 : 0xc;
				}
				ASSERT_EQ(all[at], expected) << at;
			}
			// The same bytes, whatever the access that reads them
			std::vector<u8> part = read(hopper, offset, count);
			for (size_t i = 0; i < count; i++)
				ASSERT_EQ(part[i], all[offset + i]);
		}
}

TEST_F(GpuBars, AreZeroAfterAReset)
{
	for (u64 offset = 0x18; offset < 0x28; offset += 4)
		write32(hopper, offset, ~0U);
	gpu_bars_reset(&hopper);
	EXPECT_EQ(read64(hopper, 0x18), 0xcU);
	EXPECT_EQ(read64(hopper, 0x20), 0xcU);
}
