// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "host.hpp"
#include "json.hpp"
#include "metrics.hpp"
#include "output.hpp"
#include "select.hpp"
#include "survey.hpp"
#include "sysfs_reader.hpp"

#include <CLI/CLI.hpp>

#include <memory>

namespace egm {

namespace {

struct MetricsOptions {
	std::vector<std::string> selectors;
	std::string file;
	bool validate = false;
};

void run_metrics(const Options &options, const MetricsOptions &own)
{
	options.refuse_columns();
	const Tree tree(options.sysroot);
	const Host host = select_devices(read_host(tree), own.selectors);
	std::map<std::string, Reading<std::vector<RetiredPage>>> retired;
	for (const auto &device : host.devices)
		retired[device.name] = SysfsReader(tree, "/sys/class/egm/" + device.name)
					       .retired_pages("retired_pages");
	Measurements measurements{ host, retired, nullptr };
	std::vector<Outcome> outcomes;
	if (own.validate) {
		const Surroundings around = survey(tree, host, {});
		outcomes = run_checks(choose_checks({}, {}), { host, around });
		measurements.outcomes = &outcomes;
	}
	const auto text = metrics_text(measurements);
	if (!own.file.empty())
		write_file(own.file, text);
	if (options.json)
		write_output(metrics_json(host, text, own.file));
	else if (own.file.empty())
		write_output(text);
}

} // namespace

void setup_metrics(CLI::App &app, Program &program)
{
	auto *command =
		app.add_subcommand("metrics", "Print what Prometheus' textfile collector reads");
	const auto own = std::make_shared<MetricsOptions>();
	add_selectors(*command, own->selectors);
	command->add_option("--to", own->file, "Replace FILE, whole, instead of printing")
		->option_text("FILE");
	command->add_flag("--with-validate", own->validate, "Add the outcome of the checks");
	finish_help(*command, "A value that is not known has no line.\n");
	command->callback([&program, own] { run_metrics(program.options, *own); });
}

} // namespace egm
