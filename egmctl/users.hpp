// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"
#include "tree.hpp"

namespace egm {

/**
 * Finds the processes that have a device open or mapped, for all devices of a host. It reads links
 * and maps of /proc and opens nothing that they lead to.
 *
 * The answer is unknown, not short, when one process may not be looked at.
 */
void find_users(const Tree &tree, Host &host);

} // namespace egm
