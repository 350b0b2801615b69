// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands.hpp"
#include "error.hpp"
#include "json.hpp"
#include "parse.hpp"
#include "version.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string_view>

namespace {

constexpr const char *description =
	"Shows the Extended GPU Memory (EGM) of NVIDIA Grace hosts: memory that is set aside for\n"
	"virtual machines and appears as /dev/egmX. Reads sysfs only; it never opens a device, so\n"
	"it is safe beside running guests.\n";

constexpr const char *footer =
	"\nExamples:\n"
	"  egmctl list                 which devices there are, and what is wrong with them\n"
	"  egmctl info egm4            all about one device\n"
	"  egmctl list --json | jq '.devices[].size_bytes'\n"
	"\n"
	"Scripts should use --json: its shape does not change, tables may.\n"
	"\n"
	"Exit status: 0 done; 2 wrong usage; 3 no such device; 4 permission denied; 5 not "
	"supported\n"
	"by this driver; 70 internal error or unreadable data; 74 the output cannot be written.\n";

// Asked of the raw arguments, since a usage error must be JSON too.
bool wants_json(int argc, char **argv)
{
	return std::any_of(argv + 1, argv + argc, [](std::string_view argument) {
		return argument == "--json" ||
		       (argument.starts_with('-') && !argument.starts_with("--") &&
			argument.find('J') != argument.npos);
	});
}

// CLI11 writes sentences, some over several lines, and quotes what the user typed.
egm::Error usage_error(const CLI::App &app, const CLI::ParseError &error)
{
	std::string message = error.what();
	std::ranges::replace(message, '\n', ' ');
	if (app.get_subcommands().empty() && !app.remaining().empty())
		message = "unknown command or option: " + app.remaining().front();
	if (!message.empty())
		message[0] =
			static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
	return egm::Error(egm::Exit::usage, "usage", egm::printable(message),
			  "`egmctl --help` shows the usage");
}

// A directory of another kind would read as a host without EGM.
std::string check_sysroot(const std::string &directory)
{
	std::error_code ignored;
	if (std::filesystem::is_directory(directory + "/sys", ignored))
		return {};
	return fmt::format("{} has no directory sys", directory);
}

int fail(const egm::Error &error, bool json)
{
	egm::write_message(error.what(), error.hint());
	// Standard output that has failed once will not take a report of it.
	if (json && error.exit() != egm::Exit::output) {
		try {
			egm::write_output(egm::error_json(error));
		} catch (const egm::Error &output_error) {
			return fail(output_error, json);
		}
	}
	return static_cast<int>(error.exit());
}

void run(int argc, char **argv)
{
	egm::Options options;
	CLI::App app(description, "egmctl");
	app.footer(footer);
	app.require_subcommand(1);
	app.set_version_flag("-V,--version", fmt::format("egmctl {}", egm::version),
			     "Print the version and exit");
	app.add_flag("-J,--json", options.json, "Print JSON");
	app.add_flag("-b,--bytes", options.bytes, "Print sizes in bytes");
	app.add_option("--sysroot", options.sysroot,
		       "Read DIR/sys and DIR/dev instead of the running system")
		->option_text("DIR")
		->check(check_sysroot);
	egm::setup_list(app, options);
	egm::setup_info(app, options);
	egm::setup_retired_pages(app, options);

	try {
		app.parse(argc, argv);
	} catch (const CLI::CallForHelp &) {
		egm::write_output(app.help());
	} catch (const CLI::CallForVersion &) {
		egm::write_output(app.version() + "\n");
	} catch (const CLI::ParseError &error) {
		throw usage_error(app, error);
	}
}

} // namespace

int main(int argc, char **argv)
{
	const bool json = wants_json(argc, argv);
	try {
		run(argc, argv);
		return static_cast<int>(egm::Exit::done);
	} catch (const egm::Error &error) {
		return fail(error, json);
	} catch (const std::exception &error) {
		return fail(egm::Error(egm::Exit::internal, "internal_error",
				       fmt::format("internal error: {}", error.what())),
			    json);
	}
}
