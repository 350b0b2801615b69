// SPDX-License-Identifier: GPL-2.0-or-later
// What people see.
#pragma once

#include "device.hpp"
#include "diagnose.hpp"
#include "table.hpp"

#include <string>
#include <vector>

namespace egm {

/** How sizes are shown to people. */
enum class Sizes { human, bytes };

/** The columns of `list`. */
std::vector<Field<Device>> list_fields(Sizes sizes);

/** The blocks of `info`, each with the findings about its subject; empty without subjects. */
std::string info_text(const Host &host, const std::vector<Finding> &findings, Sizes sizes);

/** A line of `retired-pages`. */
struct RetiredRow {
	std::string device; ///< its name
	RetiredPage page;
};

/** The columns of `retired-pages`, and its lines. */
std::vector<Field<RetiredRow>> retired_fields(Sizes sizes);
std::vector<RetiredRow> rows_of(const std::vector<RetiredPages> &devices);

/** The name that is shown for a dialect of sysfs. */
const char *dialect_word(Dialect dialect);

} // namespace egm
