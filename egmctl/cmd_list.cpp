// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "host.hpp"
#include "json.hpp"
#include "output.hpp"
#include "select.hpp"
#include "users.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace egm {

namespace {

void run_list(const Options &options, const std::vector<std::string> &selectors)
{
	const Tree tree(options.sysroot);
	const auto fields = list_fields(options.sizes());
	const auto shown = chosen(fields, options.columns);
	Host host = select_devices(read_host(tree), selectors);
	// It looks at every process, so only who asks pays for it.
	if (std::ranges::any_of(shown, [](const auto &field) {
		    return std::string_view(field.name) == "USED-BY";
	    }))
		find_users(tree, host);
	const auto findings = diagnose(host);
	write_output(options.json ? host_json("list", host, findings)
				  : table_of(fields, host.devices, options.table()));
	if (!options.quiet)
		write_warnings(findings, options.verbose);
}

} // namespace

void setup_list(CLI::App &app, Program &program)
{
	auto *command = app.add_subcommand("list", "List the EGM devices, one a line");
	const auto selectors = add_selectors(*command);
	finish_help(*command,
		    "What is wrong with a device, or keeps a GPU's memory from being one, is said "
		    "below the\ntable, on standard error. \"-\" is not known; `egmctl info` says "
		    "why.\n",
		    columns_help(list_fields(Sizes::human)));
	command->callback([&program, selectors] { run_list(program.options, *selectors); });
}

} // namespace egm
