// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace egm {

/** The first line of a table that could not be understood. */
struct BadLine {
	std::size_t number = 0; ///< from 1
	std::string text;
	std::string cause;
};

/**
 * Parses the text of a device's retired_pages: "0xOFFSET 0xSIZE ORIGIN\n" for each range.
 *
 * Strict: one bad line and there is no table, since a list of bad memory with a hole in it is
 * worse than none. The order of the entries is kept; an empty text is an empty table.
 */
std::variant<std::vector<RetiredPage>, BadLine> parse_retired_pages(std::string_view text);

} // namespace egm
