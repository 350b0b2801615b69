// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"

#include <string>
#include <vector>

namespace egm {

/** How much a finding matters. */
enum class Severity {
	note,	 ///< explains a gap; shown only where that gap is
	warning, ///< an operator wants to know
};

/** Something about a host that is not as it should be, or not known. */
struct Finding {
	Severity severity = Severity::warning;
	std::string code;    ///< fixed word for programs
	std::string subject; ///< name of a device, PCI address of a GPU, or empty
	std::string message; ///< one line that names the subject
	std::string hint;    ///< what to do; may be empty
};

/**
 * Applies every rule to a host. A pure function; the order is: why there is no device at all,
 * then devices, then GPUs, then the rest.
 */
std::vector<Finding> diagnose(const Host &host);

/** Plain English for a value that is not known: "not exported by this driver". */
std::string why_unknown(const Unknown &unknown);

} // namespace egm
