// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.hpp"

#include "device_node.hpp"
#include "enumerate.hpp"
#include "parse.hpp"
#include "sysfs_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace egm {

namespace {

const std::string class_directory = "/sys/class/egm";
const std::string pci_directory = "/sys/bus/pci/devices";
const std::string driver_directory = "/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci";

bool exists(const Tree &tree, const std::string &path)
{
	return static_cast<bool>(tree.status_of(path));
}

// For a file that every driver with this directory has: its absence is a fault, not a dialect.
template <class T>
Reading<T> required(const Tree &tree, const std::string &path, const Reading<T> &reading)
{
	if (!reading && reading.unknown().why == Why::not_exported)
		return tree.malformed(path, "missing");
	return reading;
}

std::vector<std::string> merged(const Reading<std::vector<std::string>> &one,
				const Reading<std::vector<std::string>> &other)
{
	std::set<std::string> all;
	for (const auto *reading : { &one, &other })
		if (*reading)
			all.insert((*reading)->begin(), (*reading)->end());
	return { all.begin(), all.end() };
}

Reading<Node> read_node(const Tree &tree, const Lstat &lstat, const Device &device)
{
	// A recorded tree often has no /dev at all; that says nothing about the machine.
	if (!exists(tree, "/dev"))
		return Unknown{ Why::not_exported, {} };
	return judge_node(lstat(node_path(device.name)), device.number);
}

Device read_device(const Tree &tree, const Lstat &lstat, const std::string &name)
{
	const auto directory = class_directory + "/" + name;
	const SysfsReader sysfs(tree, directory);
	Device device;
	device.name = name;
	device.size_bytes = required(tree, directory + "/egm_size", sysfs.number("egm_size"));
	device.pxm = sysfs.number("pxm");
	device.numa_node = sysfs.numa_node("numa_node");
	device.state = sysfs.word("state");
	device.retired_count = sysfs.number("retired_count");
	device.abi_version = sysfs.number("abi_version");
	device.number = sysfs.device_number("dev");
	device.node = read_node(tree, lstat, device);
	device.listed_gpus = sysfs.pci_addresses("gpu_devices");
	device.linked_gpus = sysfs.pci_links();
	device.gpus = merged(device.listed_gpus, device.linked_gpus);
	return device;
}

Gpu read_gpu(const Tree &tree, const std::string &address)
{
	const auto directory = pci_directory + "/" + address;
	const auto egm_directory = directory + "/egm";
	const SysfsReader sysfs(tree, egm_directory);
	Gpu gpu;
	gpu.address = address;
	gpu.driver = SysfsReader(tree, directory).link_name("driver");
	gpu.status = sysfs.word("status");
	gpu.reason = sysfs.word("reason");
	if (exists(tree, egm_directory)) {
		gpu.status = required(tree, egm_directory + "/status", gpu.status);
		gpu.reason = required(tree, egm_directory + "/reason", gpu.reason);
	}
	gpu.pxm = sysfs.number("pxm");
	gpu.size_bytes = sysfs.number("size");
	gpu.base = sysfs.number("base");
	return gpu;
}

void read_devices(const Tree &tree, const Lstat &lstat, const std::vector<std::string> &names,
		  Host &host)
{
	for (const auto &name : names) {
		const auto path = class_directory + "/" + name;
		if (!parse_device_name(name)) {
			host.skipped.push_back(
				{ printable(name),
				  tree.shown(path) + ": not the name of an EGM device" });
			continue;
		}
		const auto directory = required(tree, path, tree.list_directory(path));
		if (directory)
			host.devices.push_back(read_device(tree, lstat, name));
		else
			host.skipped.push_back({ name, directory.unknown().detail });
	}
	std::ranges::sort(host.devices, {},
			  [](const Device &device) { return parse_device_name(device.name); });
}

void read_gpus(const Tree &tree, const std::vector<std::string> &pci_names, Host &host)
{
	std::set<std::string> addresses;
	for (const auto &device : host.devices)
		addresses.insert(device.gpus.begin(), device.gpus.end());

	const auto bound = SysfsReader(tree, driver_directory).pci_links();
	if (bound)
		addresses.insert(bound->begin(), bound->end());
	else if (bound.unknown().why != Why::not_exported)
		host.skipped.push_back({ "nvgrace_gpu_vfio_pci", bound.unknown().detail });

	for (const auto &name : pci_names) {
		const auto path = pci_directory + "/" + name;
		if (!parse_pci_address(name)) {
			host.skipped.push_back(
				{ printable(name), tree.shown(path) + ": not a PCI address" });
			continue;
		}
		const auto status = tree.status_of(path + "/egm");
		if (status)
			addresses.insert(name);
		else if (status.unknown().why != Why::not_exported)
			host.skipped.push_back({ name, status.unknown().detail });
	}

	for (const auto &address : addresses) {
		host.gpus.push_back(read_gpu(tree, address));
		for (const auto &device : host.devices)
			if (std::ranges::find(device.gpus, address) != device.gpus.end())
				host.gpus.back().device = device.name;
	}
}

void find_stray_files(const Tree &tree, const Lstat &lstat, Host &host)
{
	const auto nodes = tree.list_directory("/dev");
	if (!nodes)
		return;
	for (const auto &name : *nodes) {
		if (!parse_device_name(name) ||
		    std::ranges::find(host.devices, name, &Device::name) != host.devices.end())
			continue;
		const auto status = lstat(node_path(name));
		if (status && S_ISREG(status->st_mode))
			host.stray_files.push_back(name);
	}
}

} // namespace

Host read_host(const Tree &tree, const Lstat &lstat)
{
	const Names names = enumerate(tree);
	Host host;
	host.egm_module = exists(tree, "/sys/module/nvgrace_egm");
	host.gpu_module = exists(tree, "/sys/module/nvgrace_gpu_vfio_pci");
	read_devices(tree, lstat, names.egm_devices, host);
	read_gpus(tree, names.pci_devices, host);
	find_stray_files(tree, lstat, host);
	return host;
}

Host read_host(const Tree &tree)
{
	return read_host(tree, [&](const std::string &path) { return tree.status_of(path); });
}

} // namespace egm
