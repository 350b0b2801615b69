// SPDX-License-Identifier: GPL-2.0-or-later
#include "retired_pages.hpp"

#include "parse.hpp"

#include <limits>
#include <optional>

namespace egm {

namespace {

// The entry of one line, or the cause why there is none.
std::variant<RetiredPage, std::string> parse_line(std::string_view line)
{
	const auto first = line.find(' ');
	const auto second = first == line.npos ? line.npos : line.find(' ', first + 1);
	if (second == line.npos)
		return "expected OFFSET SIZE ORIGIN";
	const auto offset_text = line.substr(0, first);
	const auto size_text = line.substr(first + 1, second - first - 1);
	// The driver pads it, so that all lines are of one length.
	const auto origin = line.substr(second + 1, line.find_last_not_of(' ') - second);

	if (!offset_text.starts_with("0x") || !size_text.starts_with("0x"))
		return "expected hexadecimal numbers";
	const auto offset = parse_u64(offset_text);
	const auto size = parse_u64(size_text);
	if (!offset || !size)
		return "expected hexadecimal numbers";
	if (*size == 0)
		return "size is zero";
	if (*offset > std::numeric_limits<std::uint64_t>::max() - *size)
		return "range wraps";
	if (origin != "firmware" && origin != "runtime")
		return "origin is neither firmware nor runtime";
	return RetiredPage{ *offset, *size, std::string(origin) };
}

} // namespace

std::variant<std::vector<RetiredPage>, BadLine> parse_retired_pages(std::string_view text)
{
	std::vector<RetiredPage> pages;
	for (std::size_t number = 1; !text.empty(); number++) {
		const auto end = text.find('\n');
		if (end == text.npos)
			return BadLine{ number, std::string(text), "has no end of line" };
		const auto line = text.substr(0, end);
		auto entry = parse_line(line);
		if (const auto *cause = std::get_if<std::string>(&entry))
			return BadLine{ number, std::string(line), *cause };
		pages.push_back(std::get<RetiredPage>(entry));
		text.remove_prefix(end + 1);
	}
	return pages;
}

} // namespace egm
