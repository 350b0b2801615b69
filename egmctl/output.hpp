// SPDX-License-Identifier: GPL-2.0-or-later
// The only writer of standard output and standard error, and of the files that a user names.
#pragma once

#include "diagnose.hpp"

#include <string>
#include <vector>

namespace egm {

/**
 * Writes to standard output at once; throws Error when that fails, a full disk included.
 *
 * @return false when nobody reads any more (a closed pipe), which is no error
 */
bool write_output(const std::string &text);

/**
 * Replaces a file by another with this content; a reader sees the old or the new one whole.
 *
 * @throws Error where something else than a regular file is in its place
 */
void write_file(const std::string &path, const std::string &content);

/** Says one thing on standard error: "egmctl: MESSAGE", then "hint: HINT" when there is one. */
void write_message(const std::string &message, const std::string &hint);

/** Says every warning; notes too, when asked for, which else are left to `info` and JSON. */
void write_warnings(const std::vector<Finding> &findings, bool notes);

/** Whether standard output is a terminal whose owner has nothing against colour. */
bool wants_colour();

} // namespace egm
