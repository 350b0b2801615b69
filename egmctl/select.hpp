// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"

#include <string>
#include <vector>

namespace egm {

/**
 * Cuts a host down to the devices that the user named ("egm4", "/dev/egm4"), and to the GPUs that
 * belong to them: listed by one, or turned away from its PXM. No names: all of the host.
 *
 * Throws Error (no such device) for a name that no device has.
 */
Host select_devices(Host host, const std::vector<std::string> &names);

} // namespace egm
