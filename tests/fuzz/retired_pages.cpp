// SPDX-License-Identifier: GPL-2.0-or-later
// The list of retired pages: no line is lost, none is made up.
#include "retired_pages.hpp"

#include "fuzz.hpp"

#include <algorithm>

using namespace egm;

void fuzz(std::string_view text)
{
	const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
	const auto table = parse_retired_pages(text);
	if (const auto *bad = std::get_if<BadLine>(&table)) {
		require(bad->number >= 1 && bad->number <= lines + 1);
		require(text.find(bad->text) != text.npos && !bad->cause.empty());
		return;
	}
	const auto &pages = std::get<std::vector<RetiredPage>>(table);
	require(pages.size() == lines);
	for (const auto &page : pages) {
		require(page.size_bytes > 0 &&
			page.offset_bytes + page.size_bytes > page.offset_bytes);
		require(page.origin == "firmware" || page.origin == "runtime");
	}
}
