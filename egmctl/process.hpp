// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "reading.hpp"

#include <string>
#include <vector>

namespace egm {

/**
 * The standard output of a program that ends with status 0; unknown for any other end. The only
 * place of egmctl that starts programs.
 */
Reading<std::string> output_of(const std::vector<std::string> &argv);

} // namespace egm
