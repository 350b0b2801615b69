// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace egm {

/** A size as lsmem(1) shows it: "447G", "1.5M", "512B"; at most one digit after the point. */
std::string short_size(std::uint64_t bytes);

/** A size for reading and for copying: "447 GiB (479962595328 bytes)". */
std::string long_size(std::uint64_t bytes);

} // namespace egm
