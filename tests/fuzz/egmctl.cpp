// SPDX-License-Identifier: GPL-2.0-or-later
#include "egmctl.hpp"

#include "cli.hpp"
#include "error.hpp"
#include "json.hpp"

#include "fuzz.hpp"

#include <nlohmann/json.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace {

/** Standard output, in memory. */
class Output {
public:
	Output() { require(dup2(memfd_create("stdout", 0), STDOUT_FILENO) == STDOUT_FILENO); }

	/** What was written since the last call. */
	std::string take() const
	{
		const auto size = lseek(STDOUT_FILENO, 0, SEEK_CUR);
		std::string text(static_cast<std::size_t>(size), '\0');
		require(pread(STDOUT_FILENO, text.data(), text.size(), 0) == size);
		require(lseek(STDOUT_FILENO, 0, SEEK_SET) == 0);
		return text;
	}
};

bool harmless(const std::string &text)
{
	return std::ranges::all_of(text,
				   [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; });
}

} // namespace

void egmctl(std::vector<std::string> arguments)
{
	static const Output output;
	// First, so that nothing behind it can take the recorded host's place.
	arguments.insert(arguments.begin(), { "egmctl", "--sysroot", recorded_host });
	std::vector<const char *> argv;
	for (const auto &argument : arguments)
		argv.push_back(argument.c_str());
	const int argc = static_cast<int>(argv.size());

	egm::asks_for_json(argc, argv.data());
	try {
		egm::run_command_line(argc, argv.data());
	} catch (const egm::Error &error) {
		require(harmless(std::string(error.what()) + error.hint()));
		require(nlohmann::json::accept(egm::error_json(error)));
	}
	const auto text = output.take();
	require(harmless(text));
	// Nothing else that egmctl prints begins like this.
	require(!text.starts_with('{') || nlohmann::json::accept(text));
}
