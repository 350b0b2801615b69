// SPDX-License-Identifier: GPL-2.0-or-later
// Plain values: the host around the EGM devices, as far as `validate` and `vm-config` want to know
// it.
#pragma once

#include "device.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace egm {

/** An account of /etc/passwd, with the groups of /etc/group that it is in. */
struct Account {
	std::string name;
	std::uint32_t uid = 0;
	std::set<std::uint32_t> gids;
};

/** A range of physical addresses; last is in it. */
struct Range {
	std::uint64_t first = 0;
	std::uint64_t last = 0;
};

/** What is installed for a kernel under a module's name. */
struct InstalledModule {
	Reading<std::string> path; ///< below /lib/modules/RELEASE
	Reading<std::string> srcversion;
	Reading<std::string> signer; ///< empty: not signed
};

/** What KVM answers to an empty virtual machine. */
struct Kvm {
	Reading<NodeOwner> node; ///< /dev/kvm
	Reading<bool> cacheable_pfnmap;
};

/** What a QEMU says of itself. */
struct Qemu {
	Reading<std::string> version;
	Reading<std::set<std::string>> objects; ///< of -object help
};

struct Libvirt {
	bool installed = false;
	Reading<bool> knows_egm;	      ///< model='egm' is in its schema
	Reading<std::set<std::string>> nodes; ///< of cgroup_device_acl
	Reading<bool> apparmor;		      ///< a rule of ours is there; unknown: no AppArmor
	Reading<bool> selinux;		      ///< enforcing; unknown: no SELinux
};

/** A function of an NVIDIA GPU, whatever driver it has. */
struct Function {
	std::string address;
	Reading<std::string> driver;
	Reading<std::uint64_t> numa_node;
};

/** What shares a GPU's IOMMU group. */
struct Group {
	std::string gpu;
	Reading<std::vector<Function>> members;
	Reading<bool> node; ///< whether /dev/vfio has one for it
};

struct Surroundings {
	Reading<std::string> release;			    ///< of the kernel that is asked about
	bool other_kernel = false;			    ///< it is not the running one
	Reading<std::uint64_t> cpu;			    ///< MIDR_EL1 of the first CPU
	Reading<std::map<std::string, std::string>> config; ///< of the kernel
	Reading<std::string> lockdown;			    ///< "none", "integrity", ...
	InstalledModule egm_module;
	InstalledModule gpu_module;
	Reading<std::string> map_retired;
	std::map<std::string, Reading<std::vector<RetiredPage>>> retired; ///< by device
	Reading<std::vector<Range>> system_ram;
	std::map<std::uint64_t, std::vector<std::uint64_t>> distances; ///< of a NUMA node
	std::vector<Function> nvidia;
	std::vector<Group> groups;
	Reading<bool> iommufd; ///< /dev/iommu
	Reading<bool> type1;   ///< the kernel has VFIO's type1 back end
	Kvm kvm;
	Qemu qemu;
	Libvirt libvirt;
	Reading<Account> vm_user; ///< who runs QEMU
};

} // namespace egm
