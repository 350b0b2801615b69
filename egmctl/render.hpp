// SPDX-License-Identifier: GPL-2.0-or-later
// What people see. The only writer of standard output; messages go to standard error.
#pragma once

#include "device.hpp"
#include "diagnose.hpp"
#include "error.hpp"

#include <string>
#include <vector>

namespace egm {

/** How sizes are shown to people. */
enum class Sizes { human, bytes };

/** The table of `list`; empty without devices. */
std::string list_table(const Host &host, Sizes sizes);

/** The blocks of `info`, each with the findings about its subject; empty without subjects. */
std::string info_text(const Host &host, const std::vector<Finding> &findings, Sizes sizes);

/** The table of `retired-pages`; empty without pages. */
std::string retired_pages_table(const std::vector<RetiredPages> &devices, Sizes sizes);

/** Writes to standard output at once; throws Error when that fails, a full disk included. */
void write_output(const std::string &text);

/** Says one thing on standard error: "egmctl: MESSAGE", then "hint: HINT" when there is one. */
void write_message(const std::string &message, const std::string &hint);

/** Says every warning; notes are left to `info` and JSON. */
void write_warnings(const std::vector<Finding> &findings);

} // namespace egm
