// SPDX-License-Identifier: GPL-2.0-or-later
// The parsers that every command needs.
#include "parse.hpp"

#include "fuzz.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

using namespace egm;

namespace {

// What the C library thinks of a number.
void compare_number(const std::string &text, std::uint64_t value)
{
	char *end = nullptr;
	errno = 0;
	require(std::strtoull(text.c_str(), &end, text.starts_with("0x") ? 16 : 10) == value);
	require(errno == 0 && end == text.c_str() + text.size());
}

} // namespace

void fuzz(std::string_view input)
{
	const std::string text(input);
	if (const auto number = parse_u64(text))
		compare_number(text, *number);
	if (const auto word = parse_word(text))
		require(*word == text && printable(text) == text);
	if (const auto address = parse_pci_address(text))
		require(*address == text && printable(text) == text);
	if (const auto address = parse_typed_pci_address(text))
		require(parse_pci_address(*address) == address);
	if (const auto number = parse_device_name(text))
		require(fmt::format("egm{}", *number) == text);
	if (const auto device = parse_device_number(text))
		require(parse_device_number(fmt::format("{}:{}", device->major, device->minor)) ==
			device);
	if (const auto lines = parse_lines(text)) {
		std::string joined;
		for (const auto line : *lines)
			joined += std::string(line) + "\n";
		require(joined == text);
	}
	require(std::ranges::all_of(printable(text), [](char c) { return c >= ' ' && c <= '~'; }));
}
