// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"

#include <string>
#include <vector>

namespace egm {

/** What it means that no device has a name. */
enum class Missing {
	error,
	allowed, ///< it was there before, and may come back
};

/**
 * Cuts a host down to the devices that the user selected, and to the GPUs that belong to them:
 * listed by one, or turned away from its PXM. No selectors: all of the host.
 *
 * "egm4" and "/dev/egm4" name a device; a name that no device has throws Error (no such device),
 * unless that is allowed.
 * "pxm=4" and "gpu=0008:01:00.0" are filters, which may match nothing; other ones throw Error
 * (usage).
 */
Host select_devices(Host host, const std::vector<std::string> &selectors,
		    Missing missing = Missing::error);

} // namespace egm
