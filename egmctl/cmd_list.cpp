// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "host.hpp"
#include "json.hpp"

#include <CLI/CLI.hpp>

namespace egm {

namespace {

void run_list(const Options &options)
{
	const Host host = read_host(Tree(options.sysroot));
	const auto findings = diagnose(host);
	write_output(options.json ? host_json("list", host, findings)
				  : list_table(host, options.sizes()));
	write_warnings(findings);
}

} // namespace

void setup_list(CLI::App &app, const Options &options)
{
	auto *command = app.add_subcommand("list", "List the EGM devices, one a line");
	command->footer(
		"What is wrong with a device, or keeps a GPU's memory from being one, is "
		"said below the\ntable, on standard error.\n\n"
		"Columns: SIZE of the memory, PXM (firmware's number of the region), NODE "
		"(NUMA node),\nSTATE (idle, clearing, in-use, draining), RETIRED (bad pages), "
		"GPUS of the same socket.\n\"-\" is not known; `egmctl info` says why.");
	command->footer(command->get_footer() + global_options);
	command->fallthrough();
	command->callback([&options] { run_list(options); });
}

} // namespace egm
