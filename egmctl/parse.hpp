// SPDX-License-Identifier: GPL-2.0-or-later
// Parsers for text from outside. Pure functions: all of the text is the value, or there is none.
#pragma once

#include "device.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace egm {

/** Digits of a base, and nothing else; no sign if T has none. */
template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10)
{
	T value{};
	const auto [end, error] =
		std::from_chars(text.data(), text.data() + text.size(), value, base);
	if (error != std::errc{} || end != text.data() + text.size())
		return std::nullopt;
	return value;
}

/** "123" or "0x1f"; no sign, no space, no overflow, nothing after it. */
std::optional<std::uint64_t> parse_u64(std::string_view text);

/** A word as the drivers write them: letters, digits, '-', '_', '.', '+'; at most 64 of them. */
std::optional<std::string> parse_word(std::string_view text);

/** "0008:01:00.0", in lower case. */
std::optional<std::string> parse_pci_address(std::string_view text);

/** The address that a person means: also in upper case, or with DCGM's domain of eight digits. */
std::optional<std::string> parse_typed_pci_address(std::string_view text);

/** The 4 of "egm4"; no leading zero, at most 32 bits. */
std::optional<std::uint32_t> parse_device_name(std::string_view text);

/** "240:4". */
std::optional<DeviceNumber> parse_device_number(std::string_view text);

/** Splits text of which every line ends in '\n'; none when the last one does not. */
std::optional<std::vector<std::string_view>> parse_lines(std::string_view text);

/** Makes text from outside safe to show: one line, printable ASCII, "\xNN" for the rest. */
std::string printable(std::string_view text);

} // namespace egm
