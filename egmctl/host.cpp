// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.hpp"

#include "device_node.hpp"
#include "enumerate.hpp"
#include "parse.hpp"
#include "sysfs_reader.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace egm {

namespace {

const std::string class_directory = "/sys/class/egm";
const std::string pci_directory = "/sys/bus/pci/devices";
const std::string driver_directory = "/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci";

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
	if (!tree.exists("/dev"))
		return Unknown{ Why::not_exported, {} };
	return judge_node(lstat(node_path(device.name)), device.number);
}

Reading<NodeOwner> read_owner(const Lstat &lstat, const Device &device)
{
	if (!device.node || *device.node != Node::ok)
		return Unknown{};
	return lstat(node_path(device.name))
		.then([](const struct stat &status) -> Reading<NodeOwner> {
			return NodeOwner{ status.st_mode & 07777u, status.st_uid, status.st_gid };
		});
}

Reading<Dialect> dialect_of(const Device &device)
{
	if (device.abi_version)
		return Dialect::own;
	if (device.listed_gpus)
		return Dialect::nvidia;
	if (device.linked_gpus && !device.linked_gpus->empty())
		return Dialect::series;
	return Unknown{};
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
	device.base = sysfs.number("base");
	device.mapping_size = sysfs.number("mapping_size");
	device.cleared_bytes = sysfs.number("cleared_bytes");
	device.clear_time_ms = sysfs.number("clear_time_ms");
	device.poison_count = sysfs.number("poison_count");
	device.poison = sysfs.word("poison");
	device.number = sysfs.device_number("dev");
	device.node = read_node(tree, lstat, device);
	device.owner = read_owner(lstat, device);
	device.listed_gpus = sysfs.pci_addresses("gpu_devices");
	device.linked_gpus = sysfs.pci_links();
	device.gpus = merged(device.listed_gpus, device.linked_gpus);
	device.dialect = dialect_of(device);
	return device;
}

// The name of the one entry of a directory.
Reading<std::string> only_name(const Tree &tree, const std::string &directory)
{
	using Names = std::vector<std::string>;
	return tree.list_directory(directory).then([](const Names &names) -> Reading<std::string> {
		const auto word = names.size() == 1 ? parse_word(names[0]) : std::nullopt;
		if (!word)
			return Unknown{};
		return *word;
	});
}

// The socket of the CPUs that are nearest to a GPU. PCI segments would tell it too, by a rule that
// holds for NVIDIA's own firmware only.
Reading<std::uint64_t> read_socket(const Tree &tree, const Device &device,
				   const std::vector<Gpu> &gpus)
{
	const auto gpu = std::ranges::find_if(gpus, [&](const Gpu &each) {
		return each.device && *each.device == device.name && each.numa_node;
	});
	if (gpu == gpus.end())
		return Unknown{};
	const auto node = fmt::format("/sys/devices/system/node/node{}", *gpu->numa_node);
	return SysfsReader(tree, node).first_cpu("cpulist").then([&](std::uint64_t cpu) {
		return SysfsReader(tree, fmt::format("/sys/devices/system/cpu/cpu{}/topology", cpu))
			.number("physical_package_id");
	});
}

Gpu read_gpu(const Tree &tree, const std::string &address)
{
	const auto directory = pci_directory + "/" + address;
	const auto egm_directory = directory + "/egm";
	const SysfsReader sysfs(tree, egm_directory);
	Gpu gpu;
	gpu.address = address;
	const SysfsReader pci(tree, directory);
	gpu.driver = pci.link_name("driver");
	gpu.numa_node = pci.numa_node("numa_node");
	gpu.iommu_group = pci.link_name("iommu_group");
	gpu.vfio_device = only_name(tree, directory + "/vfio-dev");
	gpu.status = sysfs.word("status");
	gpu.reason = sysfs.word("reason");
	if (tree.exists(egm_directory)) {
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

Machine read_machine(const Tree &tree)
{
	const SysfsReader kernel(tree, "/proc/sys/kernel");
	Machine machine;
	machine.kernel = kernel.word("osrelease");
	machine.arch = kernel.word("arch");
	if (tree.live()) {
		machine.page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
		machine.privileged = geteuid() == 0;
	}
	return machine;
}

Module read_module(const Tree &tree, const std::string &name)
{
	const auto directory = "/sys/module/" + name;
	const SysfsReader sysfs(tree, directory);
	return { tree.exists(directory), sysfs.word("version"), sysfs.word("srcversion") };
}

void find_stray_files(const Tree &tree, const Lstat &lstat, Host &host)
{
	const auto nodes = tree.list_directory("/dev");
	if (!nodes)
		return;
	for (const auto &name : *nodes) {
		if (!parse_device_name(name) || find_device(host, name))
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
	host.machine = read_machine(tree);
	host.egm_module = read_module(tree, "nvgrace_egm");
	host.gpu_module = read_module(tree, "nvgrace_gpu_vfio_pci");
	read_devices(tree, lstat, names.egm_devices, host);
	read_gpus(tree, names.pci_devices, host);
	for (auto &device : host.devices)
		device.socket = read_socket(tree, device, host.gpus);
	find_stray_files(tree, lstat, host);
	return host;
}

Host read_host(const Tree &tree)
{
	return read_host(tree, [&](const std::string &path) { return tree.status_of(path); });
}

} // namespace egm
