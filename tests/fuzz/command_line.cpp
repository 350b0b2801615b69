// SPDX-License-Identifier: GPL-2.0-or-later
// The command line: an argument up to each zero byte.
#include "egmctl.hpp"

#include "fuzz.hpp"

#include <algorithm>

void fuzz(std::string_view text)
{
	std::vector<std::string> arguments;
	while (!text.empty()) {
		const auto word = text.substr(0, text.find('\0'));
		// One has no end, the other writes files.
		if (word == "watch" || word.starts_with("--to"))
			return;
		arguments.emplace_back(word);
		text.remove_prefix(std::min(word.size() + 1, text.size()));
	}
	egmctl(arguments);
}
