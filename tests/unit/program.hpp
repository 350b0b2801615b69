// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

/** How a program ended and what it wrote. */
struct Outcome {
	int status = -1; ///< exit status, or -1 when it did not exit by itself
	std::string out;
	std::string err;
};

/** Runs a program to its end; argv[0] is its path. */
Outcome run_program(const std::vector<std::string> &argv);

/** Runs the egmctl of this build. */
Outcome egmctl(std::vector<std::string> arguments);
