// SPDX-License-Identifier: GPL-2.0-or-later
#include "parse.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace egm {

namespace {

// Own tests instead of <cctype>: those depend on the locale.
bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool is_lower_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

bool is_word_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '_' || c == '.' || c == '+';
}

} // namespace

std::optional<std::uint64_t> parse_u64(std::string_view text)
{
	if (text.starts_with("0x"))
		return parse_number<std::uint64_t>(text.substr(2), 16);
	return parse_number<std::uint64_t>(text);
}

std::optional<std::string> parse_word(std::string_view text)
{
	if (text.empty() || text.size() > 64 || !std::ranges::all_of(text, is_word_char))
		return std::nullopt;
	return std::string(text);
}

std::optional<std::string> parse_pci_address(std::string_view text)
{
	// Domains have four digits or more (virtual ones, VMD), all the rest is fixed.
	constexpr std::string_view tail = ":hh:hh.d";
	if (text.size() < 4 + tail.size() || text.size() > 8 + tail.size())
		return std::nullopt;
	const auto domain = text.substr(0, text.size() - tail.size());
	const auto rest = text.substr(domain.size());
	if (!std::ranges::all_of(domain, is_lower_hex))
		return std::nullopt;
	for (std::size_t i = 0; i < tail.size(); i++) {
		const bool good = tail[i] == 'h'   ? is_lower_hex(rest[i])
				  : tail[i] == 'd' ? rest[i] >= '0' && rest[i] <= '7'
						   : rest[i] == tail[i];
		if (!good)
			return std::nullopt;
	}
	return std::string(text);
}

std::optional<std::string> parse_typed_pci_address(std::string_view text)
{
	std::string address;
	for (const char c : text)
		address += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
	constexpr std::string_view padding = "0000";
	if (address.find(':') == 8 && address.starts_with(padding))
		address.erase(0, padding.size());
	return parse_pci_address(address);
}

std::optional<std::uint32_t> parse_device_name(std::string_view text)
{
	constexpr std::string_view prefix = "egm";
	if (!text.starts_with(prefix))
		return std::nullopt;
	const auto number = text.substr(prefix.size());
	if (number.size() > 1 && number.front() == '0')
		return std::nullopt;
	return parse_number<std::uint32_t>(number);
}

std::optional<DeviceNumber> parse_device_number(std::string_view text)
{
	const auto colon = text.find(':');
	if (colon == std::string_view::npos)
		return std::nullopt;
	const auto major = parse_number<unsigned int>(text.substr(0, colon));
	const auto minor = parse_number<unsigned int>(text.substr(colon + 1));
	if (!major || !minor)
		return std::nullopt;
	return DeviceNumber{ *major, *minor };
}

std::optional<std::vector<std::string_view>> parse_lines(std::string_view text)
{
	std::vector<std::string_view> lines;
	while (!text.empty()) {
		const auto end = text.find('\n');
		if (end == std::string_view::npos)
			return std::nullopt;
		lines.push_back(text.substr(0, end));
		text.remove_prefix(end + 1);
	}
	return lines;
}

std::string printable(std::string_view text)
{
	// Long enough for any path, short enough that a hostile name cannot flood a terminal.
	constexpr std::size_t limit = 4096;
	std::string safe;
	for (const char c : text.substr(0, limit)) {
		if (c >= ' ' && c <= '~' && c != '\\')
			safe += c;
		else
			safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
	}
	if (text.size() > limit)
		safe += "...";
	return safe;
}

} // namespace egm
