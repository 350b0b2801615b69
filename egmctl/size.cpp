// SPDX-License-Identifier: GPL-2.0-or-later
#include "size.hpp"

#include <fmt/format.h>

#include <string_view>

namespace egm {

namespace {

struct Scaled {
	std::string number;
	char unit;
};

Scaled scaled(std::uint64_t bytes)
{
	constexpr std::string_view units = "BKMGTPE";
	std::size_t unit = 0;
	while (unit + 1 < units.size() && bytes >> (10 * (unit + 1)) != 0)
		unit++;

	const std::uint64_t one = std::uint64_t{ 1 } << (10 * unit);
	std::uint64_t whole = bytes / one;
	const std::uint64_t rest = bytes % one;
	// Rounded to tenths without ever multiplying the full 64 bits.
	std::uint64_t tenths = unit == 0 ? 0 : ((rest >> (10 * (unit - 1))) * 10 + 512) / 1024;
	if (tenths == 10) {
		whole++;
		tenths = 0;
	}
	if (whole == 1024 && unit + 1 < units.size()) {
		whole = 1;
		unit++;
	}
	return { tenths ? fmt::format("{}.{}", whole, tenths) : fmt::format("{}", whole),
		 units[unit] };
}

} // namespace

std::string short_size(std::uint64_t bytes)
{
	const auto [number, unit] = scaled(bytes);
	return number + unit;
}

std::string long_size(std::uint64_t bytes)
{
	const auto [number, unit] = scaled(bytes);
	if (unit == 'B')
		return fmt::format("{} bytes", bytes);
	return fmt::format("{} {}iB ({} bytes)", number, unit, bytes);
}

} // namespace egm
