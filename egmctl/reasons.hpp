// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string_view>

namespace egm {

/** Plain English for one word of a GPU's egm/reason. */
struct Reason {
	std::string_view word;
	std::string_view meaning; ///< a sentence without capital and full stop
	std::string_view advice;  ///< what to do about it; empty when nothing needs doing
};

/** Explains a word of egm/reason; an unknown word gets an explanation that says so. */
Reason explain(std::string_view word);

} // namespace egm
