// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.hpp"

#include "commands.hpp"
#include "nearest.hpp"
#include "output.hpp"
#include "parse.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

namespace egm {

namespace {

constexpr const char *description =
	"Shows the Extended GPU Memory (EGM) of NVIDIA Grace hosts: memory that is set aside for\n"
	"virtual machines and appears as /dev/egmX. It never opens such a device, so it is safe\n"
	"beside running guests.\n";

constexpr const char *footer =
	"\nExamples:\n"
	"  egmctl list                 which devices there are, and what is wrong with them\n"
	"  egmctl info egm4            all about one device\n"
	"  egmctl validate             whether VMs can use it, and what to do if not\n"
	"  egmctl list --json | jq '.devices[].size_bytes'\n"
	"\n"
	"Scripts should use --json: its shape does not change, tables may.\n"
	"\n"
	"Exit status: 0 done; 1 a check failed, or watch ran into its time limit; 2 wrong usage;\n"
	"3 no such device; 4 permission denied; 5 not supported here; 70 internal error or\n"
	"unreadable data; 74 the output cannot be written.\n";

// CLI11 writes sentences, some over several lines, and quotes what the user typed.
Error usage_error(const CLI::App &app, const CLI::ParseError &error)
{
	const char *const hint = "`egmctl --help` shows the usage";
	std::string message = error.what();
	std::ranges::replace(message, '\n', ' ');
	if (!message.empty())
		message[0] =
			static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
	const auto left = app.remaining();
	if (!app.get_subcommands().empty() || left.empty())
		return Error(Exit::usage, "usage", printable(message), hint);
	if (left.front().starts_with('-'))
		return Error(Exit::usage, "usage",
			     fmt::format("unknown option: {}", printable(left.front())), hint);

	std::vector<std::string> names;
	for (const auto *command : app.get_subcommands({}))
		names.push_back(command->get_name());
	return Error(
		Exit::usage, "usage", fmt::format("unknown command: {}", printable(left.front())),
		fmt::format("the nearest is `egmctl {}`; {}", nearest(left.front(), names), hint));
}

// A directory of another kind would read as a host without EGM.
std::string check_sysroot(const std::string &directory)
{
	std::error_code ignored;
	if (!directory.empty() && std::filesystem::is_directory(directory + "/sys", ignored))
		return {};
	return fmt::format("{} has no directory sys", directory);
}

void add_options(CLI::App &app, Options &options)
{
	app.set_version_flag("-V,--version", fmt::format("egmctl {}", version),
			     "Print the version and exit");
	app.add_flag("-J,--json", options.json, "Print JSON");
	app.add_flag("-b,--bytes", options.bytes, "Print sizes in bytes");
	app.add_option("-o,--output", options.columns,
		       "Columns of a table, or +COLUMN for more than the usual ones")
		->option_text("LIST");
	app.add_flag("-n,--noheadings", options.no_headings, "Print tables without headings");
	app.add_flag("-r,--raw", options.raw, "Print tables with one space between columns");
	app.add_flag("-q,--quiet", options.quiet, "Say nothing but results and errors");
	app.add_flag("-v,--verbose", options.verbose, "Say more");
	app.add_option("--sysroot", options.sysroot,
		       "Look at the system tree below DIR instead of the running system")
		->option_text("DIR")
		->check(check_sysroot);
}

} // namespace

void Options::refuse_columns() const
{
	if (!columns.empty())
		throw Error(Exit::usage, "usage", "this command has no columns");
}

bool asks_for_json(int argc, const char *const *argv)
{
	return std::any_of(argv + 1, argv + argc, [](std::string_view argument) {
		if (argument.starts_with("--") || !argument.starts_with('-'))
			return argument == "--json";
		// What follows an o is its value.
		return argument.substr(0, argument.find('o')).find('J') != argument.npos;
	});
}

void add_selectors(CLI::App &command, std::vector<std::string> &selectors)
{
	command.add_option("DEVICE", selectors,
			   "egm4, /dev/egm4, pxm=4 or gpu=0008:01:00.0; all devices by default")
		->option_text(" ");
}

std::shared_ptr<std::vector<std::string>> add_selectors(CLI::App &command)
{
	auto selectors = std::make_shared<std::vector<std::string>>();
	add_selectors(command, *selectors);
	return selectors;
}

void finish_help(CLI::App &command, const std::string &text, const std::string &columns)
{
	command.footer(fmt::format(
		"{}\n{}{}-J, -b, -o, -n, -r, -q, -v and --sysroot may stand here too: see `egmctl "
		"--help`.",
		text, columns, columns.empty() ? "" : "\n"));
	command.fallthrough();
}

int run_command_line(int argc, const char *const *argv)
{
	Program program;
	CLI::App app(description, "egmctl");
	app.footer(footer);
	app.require_subcommand(1);
	add_options(app, program.options);
	setup_list(app, program);
	setup_info(app, program);
	setup_retired_pages(app, program);
	setup_validate(app, program);
	setup_vm_config(app, program);
	setup_watch(app, program);
	setup_metrics(app, program);

	try {
		app.parse(argc, argv);
	} catch (const CLI::CallForHelp &) {
		write_output(app.help());
	} catch (const CLI::CallForVersion &) {
		write_output(app.version() + "\n");
	} catch (const CLI::ParseError &error) {
		throw usage_error(app, error);
	}
	return program.status;
}

} // namespace egm
