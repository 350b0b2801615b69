// SPDX-License-Identifier: GPL-2.0-or-later
// One setup function per command: it adds the command to the program and says what runs.
#pragma once

#include "render.hpp"

#include <string>

namespace CLI {
class App;
}

namespace egm {

/** Options that stand before or after any command. */
struct Options {
	bool json = false;
	bool bytes = false;
	std::string sysroot = "/";

	Sizes sizes() const { return bytes ? Sizes::bytes : Sizes::human; }
};

/** Ends the help of every command. */
inline constexpr const char *global_options =
	"\n\n--json, --bytes and --sysroot may stand here too: see `egmctl --help`.";

/** The options must outlive the program's parse. Commands throw Error when they fail. */
void setup_list(CLI::App &app, const Options &options);
void setup_info(CLI::App &app, const Options &options);
void setup_retired_pages(CLI::App &app, const Options &options);

} // namespace egm
