// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "host.hpp"
#include "json.hpp"
#include "output.hpp"
#include "select.hpp"
#include "sysfs_reader.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace egm {

namespace {

Error failure(const std::string &device, const Unknown &unknown)
{
	switch (unknown.why) {
	case Why::permission:
		return Error(Exit::permission, "permission_denied",
			     fmt::format("{}: {}", device, unknown.detail), "run as root");
	case Why::gone:
	case Why::failed:
		return Error(Exit::internal, "unreadable",
			     fmt::format("{}: {}", device, unknown.detail));
	case Why::not_exported:
	case Why::not_set:
	case Why::not_asked:
		break;
	}
	return Error(Exit::not_supported, "not_supported",
		     fmt::format("{}: retired pages are not exported by this driver", device),
		     "only this project's nvgrace-egm tells them without opening the device, which "
		     "would clear its memory");
}

void run_retired_pages(const Options &options, const std::vector<std::string> &names)
{
	const Tree tree(options.sysroot);
	const Host host = select_devices(read_host(tree), names);

	std::vector<RetiredPages> all;
	for (const auto &device : host.devices) {
		const SysfsReader sysfs(tree, "/sys/class/egm/" + device.name);
		const auto pages = sysfs.retired_pages("retired_pages");
		if (!pages)
			throw failure(device.name, pages.unknown());
		all.push_back({ device.name, *pages });
	}

	auto findings = diagnose(host);
	// Node and GPUs have no part in this answer.
	std::erase_if(findings, [](const Finding &finding) {
		return finding.code != "no_device" && finding.code != "no_match";
	});
	const auto table = table_of(retired_fields(options.sizes()), rows_of(all), options.table());
	write_output(options.json ? retired_pages_json(host, all, findings) : table);
	if (options.quiet)
		return;
	write_warnings(findings, options.verbose);
	if (options.json)
		return;
	for (const auto &device : all)
		if (device.pages.empty())
			write_message(fmt::format("{}: no retired pages", device.name), "");
}

} // namespace

void setup_retired_pages(CLI::App &app, Program &program)
{
	auto *command = app.add_subcommand(
		"retired-pages", "List the memory of EGM devices that is known to be bad");
	const auto selectors = add_selectors(*command);
	finish_help(*command,
		    "OFFSET counts from the start of the device; a guest whose memory is the whole "
		    "device has\nthe bad memory at the same offset.\n",
		    columns_help(retired_fields(Sizes::human)));
	command->callback(
		[&program, selectors] { run_retired_pages(program.options, *selectors); });
}

} // namespace egm
