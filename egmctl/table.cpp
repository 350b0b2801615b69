// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.hpp"

#include "error.hpp"
#include "parse.hpp"

#include <fmt/format.h>
#include <libsmartcols/libsmartcols.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace egm {

namespace {

void check(int result)
{
	if (result != 0)
		throw Error(Exit::internal, "internal_error",
			    fmt::format("libsmartcols: {}", std::strerror(std::abs(result))));
}

} // namespace

std::string table_text(const std::vector<Column> &columns, const TableStyle &style)
{
	// libsmartcols prints no heading over an empty table anyway, and a message instead.
	if (columns.empty() || columns[0].cells.empty())
		return {};
	const std::unique_ptr<libscols_table, decltype(&scols_unref_table)> table(
		scols_new_table(), scols_unref_table);
	if (!table)
		throw std::bad_alloc();
	check(scols_table_enable_noheadings(table.get(), !style.headings));
	check(scols_table_enable_raw(table.get(), style.raw));
	for (const auto &column : columns)
		if (!scols_table_new_column(table.get(), column.name.c_str(), 0,
					    column.align == Align::right ? SCOLS_FL_RIGHT : 0))
			throw std::bad_alloc();
	for (std::size_t row = 0; row < columns[0].cells.size(); row++) {
		libscols_line *line = scols_table_new_line(table.get(), nullptr);
		if (!line)
			throw std::bad_alloc();
		for (std::size_t i = 0; i < columns.size(); i++)
			check(scols_line_set_data(line, i, columns[i].cells[row].c_str()));
	}
	char *text = nullptr;
	check(scols_print_table_to_string(table.get(), &text));
	const std::unique_ptr<char, decltype(&std::free)> owner(text, std::free);
	std::string result = text;
	if (!result.ends_with('\n'))
		result += '\n';
	return result;
}

std::vector<std::size_t> choose_columns(const std::vector<std::string> &names,
					const std::vector<std::size_t> &usual,
					const std::string &choice)
{
	if (choice.empty())
		return usual;
	const bool more = choice.starts_with('+');
	auto places = more ? usual : std::vector<std::size_t>{};
	std::string rest = choice.substr(more ? 1 : 0) + ",";
	for (auto comma = rest.find(','); comma != rest.npos; comma = rest.find(',')) {
		std::string name = rest.substr(0, comma);
		rest.erase(0, comma + 1);
		std::ranges::transform(name, name.begin(), [](unsigned char c) {
			return static_cast<char>(std::toupper(c));
		});
		const auto found = std::ranges::find(names, name);
		if (found == names.end())
			throw Error(Exit::usage, "usage",
				    fmt::format("unknown column: {}", printable(name)),
				    fmt::format("there are {}", fmt::join(names, ", ")));
		places.push_back(static_cast<std::size_t>(found - names.begin()));
	}
	return places;
}

} // namespace egm
