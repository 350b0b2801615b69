// SPDX-License-Identifier: GPL-2.0-or-later
// A parser with a fault that few inputs meet: fuzzing must find it.
#include "fuzz.hpp"

#include <vector>

void fuzz(std::string_view text)
{
	const std::vector<char> copy(text.begin(), text.end());
	if (text.starts_with("egm") && text.size() > 4)
		require(copy.data()[copy.size()] != text[0]); // one beyond the end
}
