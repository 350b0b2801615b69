// SPDX-License-Identifier: GPL-2.0-or-later
// What a fuzz target is: one function. Each stands in a file of its own.
#pragma once

#include <cstdlib>
#include <string_view>

/** Tries one input, which may be anything. */
void fuzz(std::string_view input);

/** What holds for every input; where it does not, the input is kept. */
inline void require(bool holds)
{
	if (!holds)
		std::abort();
}
