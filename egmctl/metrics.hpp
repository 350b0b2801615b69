// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "validate.hpp"

#include <map>
#include <string>
#include <vector>

namespace egm {

/** What one look at a host measures. */
struct Measurements {
	const Host &host;
	const std::map<std::string, Reading<std::vector<RetiredPage>>> &retired; ///< by device
	const std::vector<Outcome> *outcomes = nullptr; ///< of validate, when it was asked for
};

/** Prometheus' text format. What is not known has no line, never a zero. */
std::string metrics_text(const Measurements &measurements);

} // namespace egm
