// SPDX-License-Identifier: GPL-2.0-or-later
// From a host to a virtual machine's configuration. Pure functions.
#pragma once

#include "surroundings.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace egm {

/** What the user wants of a virtual machine. */
struct VmRequest {
	std::vector<std::string> gpus; ///< PCI addresses; empty: all of the devices
	bool partial = false;	       ///< fewer GPUs than a device has are meant
	std::uint64_t cpus = 0;	       ///< to spread over the nodes; 0: leave that to QEMU
	bool numa = true;	       ///< false: as libvirt's own RAM is in the nodes' way
};

/** The memory of one device, a NUMA node of the guest. */
struct VmMemory {
	std::string device;
	std::uint64_t size_bytes = 0;
	Reading<std::uint64_t> align_bytes;
	std::string cpus; ///< "0-59", or empty
};

/** A GPU of the guest. */
struct VmGpu {
	std::string address;
	std::string id;			    ///< of the device in QEMU
	std::size_t node = 0;		    ///< the guest's node that has the memory of its socket
	std::vector<std::size_t> own_nodes; ///< nodes for the GPU's own memory
};

struct VmPlan {
	std::vector<VmMemory> memory;
	std::vector<VmGpu> gpus;
	bool egm_objects = false; ///< QEMU can tell the guest which memory is EGM
};

/**
 * Plans a virtual machine with all memory of a host's devices.
 *
 * Throws Error when GPUs are missing that share a device's memory, or a size is not known.
 */
VmPlan plan_vm(const Host &host, const Qemu &qemu, const VmRequest &request);

/** QEMU's arguments for the memory and for the GPUs, option and value alternating. */
std::vector<std::string> qemu_memory(const VmPlan &plan);
std::vector<std::string> qemu_gpus(const VmPlan &plan);

/** libvirt's XML with <memory model='egm'>. */
std::string libvirt_native(const VmPlan &plan, bool memory, bool gpus);

/**
 * libvirt's XML with <qemu:commandline>, for a libvirt without model='egm', of a plan without NUMA.
 *
 * Throws Error (not supported) for more than one device: libvirt's own RAM would be in the way.
 */
std::string libvirt_qemu(const VmPlan &plan, bool memory, bool gpus);

/** What a host needs before it runs such a machine: files to write, or commands to run. */
struct SetupStep {
	std::string purpose;
	std::string file; ///< empty for commands
	std::vector<std::string> lines;
};

/** What to do for a host with these devices, and with GPUs (addresses) that may have none yet. */
std::vector<SetupStep> host_setup(const Host &host, const std::vector<std::string> &gpus);
std::string setup_text(const std::vector<SetupStep> &steps);

} // namespace egm
