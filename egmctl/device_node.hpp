// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"

#include <sys/stat.h>

#include <string>
#include <string_view>

namespace egm {

/** Where the node of a device stands: "/dev/egm4". */
std::string node_path(std::string_view device);

/**
 * Judges what stands at a device's path by its lstat() alone.
 *
 * The node is never opened: with NVIDIA's own driver any open clears the whole region.
 *
 * @param status what lstat() says of the path; Why::not_exported when nothing is there
 * @param number the device's number in sysfs
 * @return the verdict; unknown when one of the two is not known and the other does not decide
 */
Reading<Node> judge_node(const Reading<struct stat> &status, const Reading<DeviceNumber> &number);

} // namespace egm
