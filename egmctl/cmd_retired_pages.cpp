// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "host.hpp"
#include "json.hpp"
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
	case Why::failed:
		return Error(Exit::internal, "unreadable",
			     fmt::format("{}: {}", device, unknown.detail));
	case Why::not_exported:
	case Why::not_set:
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
	std::erase_if(findings, [](const Finding &finding) { return finding.code != "no_device"; });
	write_output(options.json ? retired_pages_json(all, findings)
				  : retired_pages_table(all, options.sizes()));
	write_warnings(findings);
	if (options.json)
		return;
	for (const auto &device : all)
		if (device.pages.empty())
			write_message(fmt::format("{}: no retired pages", device.name), "");
}

} // namespace

void setup_retired_pages(CLI::App &app, const Options &options)
{
	auto *command = app.add_subcommand(
		"retired-pages", "List the memory of EGM devices that is known to be bad");
	const auto names = std::make_shared<std::vector<std::string>>();
	command->add_option("DEVICE", *names, "egm4 or /dev/egm4; all devices when none is named");
	command->footer("OFFSET counts from the start of the device; a guest whose memory is the "
			"whole device has\nthe bad memory at the same offset. ORIGIN is firmware "
			"(known at boot) or runtime.");
	command->footer(command->get_footer() + global_options);
	command->fallthrough();
	command->callback([&options, names] { run_retired_pages(options, *names); });
}

} // namespace egm
