// SPDX-License-Identifier: GPL-2.0-or-later
// Tables with columns that the user chooses, as lsmem(1) prints them.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace egm {

enum class Align { left, right };

/** How the user wants a table. */
struct TableStyle {
	std::string columns; ///< of -o: "A,B", "+C", or empty for the usual ones
	bool headings = true;
	bool raw = false;
};

/** One column of a table whose rows are about a T. */
template <class T>
struct Field {
	const char *name;
	Align align;
	bool usual; ///< shown unless the user chooses
	const char *help;
	std::function<std::string(const T &)> cell;
};

/** A column's heading and its cells. */
struct Column {
	std::string name;
	Align align;
	std::vector<std::string> cells;
};

/** Columns side by side; empty without rows. */
std::string table_text(const std::vector<Column> &columns, const TableStyle &style);

/**
 * The places in names of the columns that a user chose, in the user's order.
 *
 * @param usual the places of those that are shown without a choice, and before "+COLUMN"
 * Throws Error (usage) for a column that is not in names.
 */
std::vector<std::size_t> choose_columns(const std::vector<std::string> &names,
					const std::vector<std::size_t> &usual,
					const std::string &choice);

/** The fields that are to be shown. */
template <class T>
std::vector<Field<T>> chosen(const std::vector<Field<T>> &fields, const std::string &choice)
{
	std::vector<std::string> names;
	std::vector<std::size_t> usual;
	for (const auto &field : fields) {
		if (field.usual)
			usual.push_back(names.size());
		names.push_back(field.name);
	}
	std::vector<Field<T>> result;
	for (const auto place : choose_columns(names, usual, choice))
		result.push_back(fields[place]);
	return result;
}

/** The table of some rows. */
template <class T>
std::string table_of(const std::vector<Field<T>> &fields, const std::vector<T> &rows,
		     const TableStyle &style)
{
	std::vector<Column> columns;
	for (const auto &field : chosen(fields, style.columns)) {
		Column column{ field.name, field.align, {} };
		for (const auto &row : rows)
			column.cells.push_back(field.cell(row));
		columns.push_back(std::move(column));
	}
	return table_text(columns, style);
}

/** What a help text says of the columns, one a line. */
template <class T>
std::string columns_help(const std::vector<Field<T>> &fields)
{
	std::string text = "Columns of -o (* is usual):\n";
	for (const auto &field : fields)
		text += std::string(field.usual ? "  *" : "   ") + field.name +
			std::string(14 - std::string(field.name).size(), ' ') + field.help + "\n";
	return text;
}

} // namespace egm
