// SPDX-License-Identifier: GPL-2.0-or-later
// Plain values: what a host looks like to egmctl. No I/O here.
#pragma once

#include "reading.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace egm {

/** Number of a device node. */
struct DeviceNumber {
	unsigned int major = 0;
	unsigned int minor = 0;
	bool operator==(const DeviceNumber &) const = default;
};

/** What stands at /dev/egmX. */
enum class Node {
	ok, ///< the device's own character node
	missing,
	regular_file, ///< what QEMU leaves when it starts before the driver
	not_a_device, ///< a directory, a link, a block device, ...
	other_device, ///< a character node with another number
};

/** Who may open a device node. */
struct NodeOwner {
	std::uint32_t mode = 0; ///< permission bits only
	std::uint32_t uid = 0;
	std::uint32_t gid = 0;
};

/** Whose sysfs files a device has. */
enum class Dialect {
	own,	///< this project's
	nvidia, ///< NVIDIA's shipping kernels: egm_size and gpu_devices
	series, ///< the kernel patch series: egm_size and links to GPUs
};

/** The states that a device of this project can be in. */
inline const std::vector<std::string> states = { "idle", "clearing", "in-use", "draining" };

/** A process that has a device open or mapped. */
struct User {
	std::uint64_t pid = 0;
	std::string comm;
	std::string guest; ///< QEMU's -name; empty when it has none
	bool operator==(const User &) const = default;
};

/** One EGM device, /sys/class/egm/egmX. */
struct Device {
	std::string name; ///< "egm4"
	Reading<Dialect> dialect;
	Reading<std::uint64_t> size_bytes;
	Reading<std::uint64_t> pxm;
	Reading<std::uint64_t> numa_node;
	Reading<std::string> state;
	Reading<std::uint64_t> retired_count;
	Reading<std::uint64_t> abi_version;
	Reading<std::uint64_t> base;
	Reading<std::uint64_t> mapping_size;
	Reading<std::uint64_t> cleared_bytes;
	Reading<std::uint64_t> clear_time_ms;
	Reading<std::uint64_t> poison_count;
	Reading<std::string> poison; ///< "supported", "unsupported"
	Reading<std::uint64_t> socket;
	Reading<DeviceNumber> number;
	Reading<Node> node;
	Reading<NodeOwner> owner;
	Reading<std::vector<User>> users = Unknown{ Why::not_asked, {} }; ///< see users.hpp
	std::vector<std::string> gpus;		       ///< PCI addresses, ascending
	Reading<std::vector<std::string>> listed_gpus; ///< gpu_devices
	Reading<std::vector<std::string>> linked_gpus; ///< symbolic links named by PCI address
};

/** One GPU: listed by an EGM device, or bound to the VFIO driver of such GPUs, or both. */
struct Gpu {
	std::string address; ///< "0008:01:00.0"
	Reading<std::string> driver;
	Reading<std::uint64_t> numa_node;
	Reading<std::string> iommu_group;
	Reading<std::string> vfio_device; ///< "vfio0" of /dev/vfio/devices
	Reading<std::string> status;	  ///< "joined", "off", "refused"
	Reading<std::string> reason;	  ///< one word, see reasons.hpp
	Reading<std::uint64_t> pxm;
	Reading<std::uint64_t> size_bytes;
	Reading<std::uint64_t> base;
	Reading<std::string> device; ///< name of the EGM device that lists it
};

/** An entry that was met and could not be used. */
struct Skipped {
	std::string name;
	std::string message;
};

/** The machine below the tree; all unknown where the tree does not tell. */
struct Machine {
	Reading<std::string> kernel; ///< release
	Reading<std::string> arch;
	Reading<std::uint64_t> page_size;
	Reading<bool> privileged; ///< egmctl runs as root there
};

/** A kernel module; the version of one that is not loaded is not exported. */
struct Module {
	bool loaded = false;
	Reading<std::string> version;
	Reading<std::string> srcversion;
};

/** Everything that one look at the system tree yields. */
struct Host {
	std::vector<Device> devices; ///< ascending by number
	std::vector<Gpu> gpus;	     ///< ascending by address
	std::vector<Skipped> skipped;
	std::vector<std::string> stray_files; ///< regular files at /dev/egmX without a device egmX
	bool narrowed = false;		      ///< to what the user selected: see select.hpp
	Module egm_module;		      ///< nvgrace_egm
	Module gpu_module;		      ///< nvgrace_gpu_vfio_pci
	Machine machine;
};

/** The device of that name; null where there is none. */
inline const Device *find_device(const Host &host, std::string_view name)
{
	const auto found = std::ranges::find(host.devices, name, &Device::name);
	return found == host.devices.end() ? nullptr : &*found;
}

/** One range of memory that is not to be used. */
struct RetiredPage {
	std::uint64_t offset_bytes = 0; ///< from the start of the device
	std::uint64_t size_bytes = 0;
	std::string origin; ///< "firmware" or "runtime"
	bool operator==(const RetiredPage &) const = default;
};

/** The retired pages of one device. */
struct RetiredPages {
	std::string name; ///< of the device
	std::vector<RetiredPage> pages;
};

} // namespace egm
