// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "host.hpp"
#include "json.hpp"
#include "select.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace egm {

namespace {

// Findings that no block shows: about the host as a whole, or about what has no block.
std::vector<Finding> without_block(const Host &host, std::vector<Finding> findings)
{
	std::erase_if(findings, [&](const Finding &finding) {
		return std::ranges::find(host.devices, finding.subject, &Device::name) !=
			       host.devices.end() ||
		       std::ranges::find(host.gpus, finding.subject, &Gpu::address) !=
			       host.gpus.end();
	});
	return findings;
}

void run_info(const Options &options, const std::vector<std::string> &names)
{
	const Host host = select_devices(read_host(Tree(options.sysroot)), names);
	const auto findings = diagnose(host);
	if (options.json) {
		write_output(host_json("info", host, findings));
		write_warnings(findings);
	} else {
		write_output(info_text(host, findings, options.sizes()));
		write_warnings(without_block(host, findings));
	}
}

} // namespace

void setup_info(CLI::App &app, const Options &options)
{
	auto *command = app.add_subcommand(
		"info", "Show all that is known about EGM devices and their GPUs");
	const auto names = std::make_shared<std::vector<std::string>>();
	command->add_option("DEVICE", *names, "egm4 or /dev/egm4; all devices when none is named");
	command->footer("Every GPU is shown with what became of its EGM region, and why. Physical "
			"addresses need root.");
	command->footer(command->get_footer() + global_options);
	command->fallthrough();
	command->callback([&options, names] { run_info(options, *names); });
}

} // namespace egm
