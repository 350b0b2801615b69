// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "checks.hpp"

#include <string>
#include <vector>

namespace egm {

/** A check and one thing that it said. */
struct Outcome {
	const Check *check = nullptr;
	Result result;
};

/** How many outcomes there are of each kind. */
struct Summary {
	std::size_t pass = 0, info = 0, warn = 0, fail = 0, skip = 0;
};

/**
 * The checks that a user wants: those named by id or group (all when none is), but for the skipped
 * ones. Throws Error (usage) for a name that is neither.
 */
std::vector<const Check *> choose_checks(const std::vector<std::string> &wanted,
					 const std::vector<std::string> &skipped);

/** Runs checks in order; what an earlier FAIL explains is not said again, but skipped. */
std::vector<Outcome> run_checks(const std::vector<const Check *> &checks, const Subject &subject);

Summary summarize(const std::vector<Outcome> &outcomes);

/** Whether an operator has to act; with strict, for a WARN too. */
bool failed(const Summary &summary, bool strict);

/** "pass", "info", ... */
const char *verdict_word(Verdict verdict);

/** How the user wants the text. */
struct ValidateStyle {
	bool colour = false;
	bool quiet = false;   ///< WARN and FAIL only
	bool verbose = false; ///< with the evidence
};

/** A line for each outcome, fixes below them, and a summary. */
std::string validate_text(const std::vector<Outcome> &outcomes, const ValidateStyle &style);

/** One line for Nagios, with its exit status (0 to 3); with strict, a WARN is critical too. */
std::pair<std::string, int> nagios_line(const std::vector<Outcome> &outcomes, bool strict);

} // namespace egm
