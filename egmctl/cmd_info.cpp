// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "host.hpp"
#include "json.hpp"
#include "output.hpp"
#include "select.hpp"
#include "users.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace egm {

namespace {

// Findings that no block shows: about the host as a whole, or about what has no block.
std::vector<Finding> without_block(const Host &host, std::vector<Finding> findings)
{
	std::erase_if(findings, [&](const Finding &finding) {
		return find_device(host, finding.subject) ||
		       std::ranges::find(host.gpus, finding.subject, &Gpu::address) !=
			       host.gpus.end();
	});
	return findings;
}

void run_info(const Options &options, const std::vector<std::string> &names)
{
	options.refuse_columns();
	const Tree tree(options.sysroot);
	Host host = select_devices(read_host(tree), names);
	find_users(tree, host);
	const auto findings = diagnose(host);
	write_output(options.json ? host_json("info", host, findings)
				  : info_text(host, findings, options.sizes()));
	if (!options.quiet)
		write_warnings(options.json ? findings : without_block(host, findings),
			       options.verbose);
}

} // namespace

void setup_info(CLI::App &app, Program &program)
{
	auto *command = app.add_subcommand(
		"info", "Show all that is known about EGM devices and their GPUs");
	const auto selectors = add_selectors(*command);
	finish_help(*command, "Every GPU is shown with what became of its EGM region, and why. "
			      "Physical addresses need root,\nand so does who uses a device.\n");
	command->callback([&program, selectors] { run_info(program.options, *selectors); });
}

} // namespace egm
