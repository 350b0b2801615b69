// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"
#include "diagnose.hpp"
#include "error.hpp"

#include <string>
#include <vector>

namespace egm {

/*
 * The JSON documents of egmctl. Their shape is a promise:
 *  - every document has "schema", "schema_version" and "egmctl_version";
 *  - keys are never renamed or removed and never change their type; new ones may come;
 *  - lists are arrays, also for none or one; what is not known is null, never left out;
 *  - bytes and counts are integers, physical addresses are strings "0x...".
 */

/** The document of `list` and `info`: devices, GPUs and findings. */
std::string host_json(const std::string &command, const Host &host,
		      const std::vector<Finding> &findings);

/** The document of `retired-pages`. */
std::string retired_pages_json(const std::vector<RetiredPages> &devices,
			       const std::vector<Finding> &findings);

/** The document in place of any other when a command fails. */
std::string error_json(const Error &error);

} // namespace egm
