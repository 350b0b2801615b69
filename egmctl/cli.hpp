// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

namespace egm {

/** Whether the arguments ask for JSON anywhere: a usage error must be JSON too. */
bool asks_for_json(int argc, const char *const *argv);

/**
 * Parses the arguments and runs the command that they name; throws Error.
 *
 * @return the exit status
 */
int run_command_line(int argc, const char *const *argv);

} // namespace egm
