// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "surroundings.hpp"
#include "tree.hpp"

#include <string>
#include <vector>

namespace egm {

/** What the user says of the host. */
struct SurveyOptions {
	std::string kernel;  ///< release that is asked about; empty: the running one
	std::string vm_user; ///< account that runs QEMU; empty: libvirt's
	std::string qemu;    ///< program; empty: what is installed
};

/**
 * Looks at what is around the EGM devices. Programs (modinfo, QEMU) and KVM are asked only about
 * the running system; of another tree these answers are unknown.
 */
Surroundings survey(const Tree &tree, const Host &host, const SurveyOptions &options);

/** NVIDIA's GPUs, whatever their driver. */
std::vector<Function> nvidia_gpus(const Tree &tree);

/** What a QEMU says of itself; empty: the first that is installed. */
Qemu survey_qemu(const Tree &tree, const std::string &program);

} // namespace egm
