// SPDX-License-Identifier: GPL-2.0-or-later
#include "nearest.hpp"

#include <algorithm>
#include <cstddef>

namespace egm {

namespace {

std::size_t distance(std::string_view one, std::string_view other)
{
	std::vector<std::vector<std::size_t>> cost(one.size() + 1,
						   std::vector<std::size_t>(other.size() + 1));
	for (std::size_t i = 0; i <= one.size(); i++) {
		for (std::size_t j = 0; j <= other.size(); j++) {
			if (i == 0 || j == 0) {
				cost[i][j] = i + j;
				continue;
			}
			const std::size_t change = one[i - 1] == other[j - 1] ? 0 : 1;
			cost[i][j] = std::min({ cost[i - 1][j] + 1, cost[i][j - 1] + 1,
						cost[i - 1][j - 1] + change });
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			    one[i - 2] == other[j - 1])
				cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost.back().back();
}

} // namespace

std::string nearest(std::string_view word, const std::vector<std::string> &names)
{
	// No name is long; a word that is cannot cost more than its beginning.
	const auto start = word.substr(0, 64);
	return *std::ranges::min_element(names, {}, [&](const std::string &name) {
		// The beginning of a long name is often all that was meant.
		return std::min(distance(start, name),
				distance(start, name.substr(0, start.size())) + 1);
	});
}

} // namespace egm
