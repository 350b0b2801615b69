// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace egm {

/** The name, or beginning of one, that needs the fewest changed, added, lost or swapped letters. */
std::string nearest(std::string_view word, const std::vector<std::string> &names);

} // namespace egm
