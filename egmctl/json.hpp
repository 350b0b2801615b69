// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"
#include "diagnose.hpp"
#include "error.hpp"
#include "events.hpp"
#include "validate.hpp"
#include "vm_config.hpp"

#include <string>
#include <vector>

namespace egm {

/*
 * The JSON documents of egmctl. Their shape is a promise:
 *  - every document has "schema", "schema_version" and "egmctl_version", and but for the lines of
 *    `watch` "host", which is null in errors;
 *  - keys are never renamed or removed and never change their type; new ones may come;
 *  - lists are arrays, also for none or one; what is not known is null, never left out;
 *  - bytes and counts are integers, physical addresses are strings "0x...".
 */

/** The document of `list` and `info`: devices, GPUs and findings. */
std::string host_json(const std::string &command, const Host &host,
		      const std::vector<Finding> &findings);

/** The document of `retired-pages`. */
std::string retired_pages_json(const Host &host, const std::vector<RetiredPages> &devices,
			       const std::vector<Finding> &findings);

/** The document of `validate`. */
std::string validate_json(const Host &host, const Surroundings &around,
			  const std::vector<Outcome> &outcomes);

/** The document of `validate --list-checks`. */
std::string list_checks_json(const Host &host, const std::vector<const Check *> &checks);

/** What the user asked of `vm-config`. */
struct VmForm {
	std::string format;
	std::string part;
};

/** The document of `vm-config`; arguments are empty but for QEMU. */
std::string vm_config_json(const Host &host, const VmPlan &plan, const VmForm &form,
			   const std::vector<std::string> &arguments, const std::string &text,
			   const std::vector<SetupStep> &setup,
			   const std::vector<Finding> &findings);

/** The document of `metrics`; an empty file is none. */
std::string metrics_json(const Host &host, const std::string &text, const std::string &file);

/** Lines of `watch`: the first, and one for each event. */
std::string snapshot_json(const std::string &time, const Host &host);
std::string event_json(const std::string &time, const Event &event);

/** The document in place of any other when a command fails; it knows no host. */
std::string error_json(const Error &error);

} // namespace egm
