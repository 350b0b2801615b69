// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "error.hpp"
#include "host.hpp"
#include "json.hpp"
#include "output.hpp"
#include "survey.hpp"
#include "validate.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace egm {

namespace {

struct ValidateOptions {
	std::vector<std::string> checks;
	std::vector<std::string> skipped;
	std::string format = "text";
	bool strict = false;
	bool list = false;
	SurveyOptions survey;
};

std::vector<Field<const Check *>> check_fields()
{
	return {
		{ "ID", Align::left, true, "of the check",
		  [](const Check *check) { return std::string(check->id); } },
		{ "ROOT", Align::left, true, "whether it needs root to see enough",
		  [](const Check *check) {
			  return std::string(check->needs_root ? "yes" : "no");
		  } },
		{ "CHECKS", Align::left, true, "what it looks at",
		  [](const Check *check) { return std::string(check->title); } },
	};
}

int run_validate(const Options &options, const ValidateOptions &own)
{
	if (options.json && own.format == "nagios")
		throw Error(Exit::usage, "usage", "--json is another format than that of --format");
	const auto checks = choose_checks(own.checks, own.skipped);
	const Tree tree(options.sysroot);
	const Host host = read_host(tree);
	if (own.list) {
		write_output(options.json ? list_checks_json(host, checks)
					  : table_of(check_fields(), checks, options.table()));
		return 0;
	}
	options.refuse_columns();
	const Surroundings around = survey(tree, host, own.survey);
	const auto outcomes = run_checks(checks, { host, around });
	if (options.json || own.format == "json") {
		write_output(validate_json(host, around, outcomes));
	} else if (own.format == "nagios") {
		const auto [line, status] = nagios_line(outcomes, own.strict);
		write_output(line);
		return status;
	} else {
		write_output(validate_text(outcomes,
					   { wants_colour(), options.quiet, options.verbose }));
	}
	return static_cast<int>(failed(summarize(outcomes), own.strict) ? Exit::failed
									: Exit::done);
}

// Of a plugin, every other end is a verdict about the host.
int run_plugin(const Options &options, const ValidateOptions &own)
{
	constexpr int unknown = 3;
	try {
		return run_validate(options, own);
	} catch (const Error &error) {
		if (error.exit() == Exit::output)
			throw;
		write_output(fmt::format("EGM UNKNOWN - {}\n", error.what()));
		return unknown;
	}
}

} // namespace

void setup_validate(CLI::App &app, Program &program)
{
	auto *command = app.add_subcommand("validate", "Check whether the host is ready for VMs");
	const auto own = std::make_shared<ValidateOptions>();
	command->add_option("--check", own->checks, "Only these checks or groups of them")
		->option_text("ID,...")
		->delimiter(',')
		->allow_extra_args(false);
	command->add_option("--skip", own->skipped, "Not these checks or groups")
		->option_text("ID,...")
		->delimiter(',')
		->allow_extra_args(false);
	command->add_flag("--strict", own->strict, "A WARN is a failure too");
	command->add_flag("--list-checks", own->list, "List the checks instead of running them");
	command->add_option("--format", own->format, "text, json or nagios")
		->option_text("FORMAT")
		->check(CLI::IsMember({ "text", "json", "nagios" }));
	command->add_option("--kernel", own->survey.kernel,
			    "Judge this installed kernel, before a boot")
		->option_text("RELEASE");
	command->add_option("--vm-user", own->survey.vm_user, "The account that runs QEMU")
		->option_text("USER");
	command->add_option("--qemu", own->survey.qemu, "The QEMU to ask")->option_text("PROGRAM");
	finish_help(
		*command,
		"The first FAIL is the root cause; what follows from it is skipped. -q shows WARN "
		"and FAIL only,\n-v what was seen. Exit status: 1 if a check fails; with --format "
		"nagios, that of a plugin.\n");
	command->callback([&program, own] {
		const auto run = own->format == "nagios" ? run_plugin : run_validate;
		program.status = run(program.options, *own);
	});
}

} // namespace egm
