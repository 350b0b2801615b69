// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "tree.hpp"

#include <string>
#include <vector>

namespace egm {

/** Names of the entries of two places of sysfs; what they are worth is not judged here. */
struct Names {
	std::vector<std::string> egm_devices; ///< of /sys/class/egm, ascending
	std::vector<std::string> pci_devices; ///< of /sys/bus/pci/devices, ascending
};

/**
 * Says which devices a system has: through libudev on the running system, by listing directories
 * in any other tree. Both give the same names. A place that is not there has no names.
 *
 * Throws Error when a place cannot be read.
 */
Names enumerate(const Tree &tree);

} // namespace egm
