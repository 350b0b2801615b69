// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"
#include "tree.hpp"

#include <sys/stat.h>

#include <functional>
#include <string>

namespace egm {

/** Says what lstat() says of a path; tests put character nodes here, which only root could make. */
using Lstat = std::function<Reading<struct stat>(const std::string &path)>;

/**
 * Looks at a system once: its EGM devices, their GPUs, and the GPUs that could have had one.
 *
 * Understands the sysfs files of this project's drivers, of NVIDIA's shipped one and of the kernel
 * patch series; what a driver does not tell is unknown. Trouble with one file costs one value,
 * trouble with one entry that entry; both are kept in the result, to be reported.
 *
 * Throws Error when the devices cannot be enumerated.
 */
Host read_host(const Tree &tree, const Lstat &lstat);
Host read_host(const Tree &tree);

} // namespace egm
