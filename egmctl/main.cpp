// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.hpp"
#include "error.hpp"
#include "json.hpp"
#include "output.hpp"

#include <fmt/format.h>

#include <csignal>

namespace {

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

} // namespace

int main(int argc, char **argv)
{
	// A reader that has seen enough is no reason to die of.
	std::signal(SIGPIPE, SIG_IGN);
	const bool json = egm::asks_for_json(argc, argv);
	try {
		return egm::run_command_line(argc, argv);
	} catch (const egm::Error &error) {
		return fail(error, json);
	} catch (const std::exception &error) {
		return fail(egm::Error(egm::Exit::internal, "internal_error",
				       fmt::format("internal error: {}", error.what())),
			    json);
	}
}
