// SPDX-License-Identifier: GPL-2.0-or-later
// One setup function per command: it adds the command to the program and says what runs.
#pragma once

#include "error.hpp"
#include "render.hpp"
#include "table.hpp"

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace egm {

/** Options that stand before or after any command. */
struct Options {
	bool json = false;
	bool bytes = false;
	bool no_headings = false;
	bool raw = false;
	bool quiet = false;
	bool verbose = false;
	std::string columns;
	std::string sysroot = "/";

	Sizes sizes() const { return bytes ? Sizes::bytes : Sizes::human; }
	TableStyle table() const { return { columns, !no_headings, raw }; }

	/** For a command that has no table: throws Error (usage) when columns were chosen. */
	void refuse_columns() const;
};

/** A run of the program: what was asked for, and how it ended. */
struct Program {
	Options options;
	int status = 0;
};

/** Adds the devices to a command; they are filled in when the command line is parsed. */
void add_selectors(CLI::App &command, std::vector<std::string> &selectors);
std::shared_ptr<std::vector<std::string>> add_selectors(CLI::App &command);

/** Ends the help of a command; columns are those of its table, if it has one. */
void finish_help(CLI::App &command, const std::string &text, const std::string &columns = {});

/** The program must outlive the parse. Commands throw Error when they fail. */
void setup_list(CLI::App &app, Program &program);
void setup_info(CLI::App &app, Program &program);
void setup_retired_pages(CLI::App &app, Program &program);
void setup_validate(CLI::App &app, Program &program);
void setup_vm_config(CLI::App &app, Program &program);
void setup_watch(CLI::App &app, Program &program);
void setup_metrics(CLI::App &app, Program &program);

} // namespace egm
