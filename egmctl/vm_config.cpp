// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm_config.hpp"

#include "device_node.hpp"
#include "error.hpp"
#include "host_files.hpp"
#include "parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace egm {

namespace {

// A GPU's memory can be divided into so many instances, each of which the guest takes for a node.
constexpr std::size_t nodes_of_a_gpu = 8;

bool contains(const std::vector<std::string> &list, const std::string &item)
{
	return std::ranges::find(list, item) != list.end();
}

std::vector<std::string> typed_addresses(const Host &host, const std::vector<std::string> &typed)
{
	std::vector<std::string> addresses;
	for (const auto &text : typed) {
		const auto address = parse_typed_pci_address(text);
		if (!address || std::ranges::none_of(host.devices, [&](const Device &device) {
			    return contains(device.gpus, *address);
		    }))
			throw Error(Exit::no_such_device, "gpu_not_found",
				    fmt::format("{}: no GPU of these devices", printable(text)),
				    "`egmctl list` names the GPUs");
		addresses.push_back(*address);
	}
	return addresses;
}

VmMemory plan_memory(const Device &device)
{
	if (!device.size_bytes)
		throw Error(Exit::internal, "unreadable",
			    fmt::format("{}: {}", device.name, device.size_bytes.unknown().detail));
	return { device.name, *device.size_bytes, device.mapping_size, {} };
}

// A GPU that is left out unknowingly could reach the memory from another VM.
void require_gpus(const Device &device)
{
	for (const auto *list : { &device.listed_gpus, &device.linked_gpus })
		if (!*list && list->unknown().why != Why::not_exported)
			throw Error(Exit::internal, "unreadable",
				    fmt::format("the GPUs of {} are not known: {}", device.name,
						list->unknown().detail));
}

void spread_cpus(std::uint64_t cpus, std::vector<VmMemory> &memory)
{
	if (cpus == 0)
		return;
	const std::uint64_t nodes = memory.size();
	if (cpus < nodes)
		throw Error(Exit::usage, "usage",
			    fmt::format("{} CPUs are too few for {} nodes", cpus, nodes));
	for (std::uint64_t node = 0; node < nodes; node++) {
		const auto first = cpus / nodes * node + std::min(node, cpus % nodes);
		const auto next = cpus / nodes * (node + 1) + std::min(node + 1, cpus % nodes);
		memory[node].cpus = fmt::format("{}-{}", first, next - 1);
	}
}

std::string qemu_size(std::uint64_t bytes)
{
	constexpr std::uint64_t mib = 1 << 20;
	return bytes % mib ? fmt::format("{}B", bytes) : fmt::format("{}M", bytes / mib);
}

std::uint64_t total_of(const VmPlan &plan)
{
	std::uint64_t total = 0;
	for (const auto &memory : plan.memory)
		total += memory.size_bytes;
	return total;
}

std::string backend(const VmMemory &memory)
{
	// prealloc would touch every page before the guest does and gains nothing. Without align,
	// QEMU maps the memory where no large block fits.
	return fmt::format("memory-backend-file,id={},mem-path={},size={},share=on,prealloc=off{}",
			   memory.device, node_path(memory.device), qemu_size(memory.size_bytes),
			   memory.align_bytes ? fmt::format(",align={}", *memory.align_bytes) : "");
}

std::vector<std::string> qemu_objects(const VmPlan &plan)
{
	std::vector<std::string> arguments;
	for (const auto &gpu : plan.gpus) {
		for (std::size_t i = 0; i < gpu.own_nodes.size(); i++) {
			const auto node = gpu.own_nodes[i];
			arguments.insert(
				arguments.end(),
				{ "-numa", fmt::format("node,nodeid={}", node), "-object",
				  fmt::format("acpi-generic-initiator,id={}-node{},pci-dev={},"
					      "node={}",
					      gpu.id, i, gpu.id, node) });
		}
		if (plan.egm_objects)
			arguments.insert(
				arguments.end(),
				{ "-object",
				  fmt::format("acpi-egm-memory,id={}-egm,pci-dev={},node={}",
					      gpu.id, gpu.id, gpu.node) });
	}
	return arguments;
}

std::string hostdev(const VmGpu &gpu)
{
	// "DDDD:BB:DD.F", which the address was checked for.
	const auto colon = gpu.address.find(':');
	return fmt::format(
		"    <hostdev mode='subsystem' type='pci' managed='no'>\n"
		"      <driver name='vfio'/>\n"
		"      <source>\n"
		"        <address domain='0x{}' bus='0x{}' slot='0x{}' function='0x{}'/>\n"
		"      </source>\n"
		"      <alias name='{}'/>\n"
		"    </hostdev>\n",
		gpu.address.substr(0, colon), gpu.address.substr(colon + 1, 2),
		gpu.address.substr(colon + 4, 2), gpu.address.substr(colon + 7), gpu.id);
}

std::string domain_memory(const VmPlan &plan)
{
	return fmt::format("  <memory unit='b'>{}</memory>\n", total_of(plan));
}

} // namespace

VmPlan plan_vm(const Host &host, const Qemu &qemu, const VmRequest &request)
{
	const auto chosen = typed_addresses(host, request.gpus);
	const auto knows = [&](const char *object) {
		return request.numa && qemu.objects && qemu.objects->contains(object);
	};
	VmPlan plan;
	plan.egm_objects = knows("acpi-egm-memory");
	for (const auto &device : host.devices) {
		require_gpus(device);
		for (const auto &address : device.gpus) {
			if (chosen.empty() || contains(chosen, address))
				plan.gpus.push_back({ address,
						      fmt::format("ua-gpu{}", plan.gpus.size()),
						      plan.memory.size(),
						      {} });
			else if (!request.partial)
				throw Error(
					Exit::usage, "partial_gpus",
					fmt::format("GPU {} shares the memory of {} and is left "
						    "out",
						    address, device.name),
					"a VM that has the memory should have all of its GPUs; "
					"--partial if this is meant");
		}
		plan.memory.push_back(plan_memory(device));
	}
	spread_cpus(request.cpus, plan.memory);
	std::size_t node = plan.memory.size();
	if (knows("acpi-generic-initiator"))
		for (auto &gpu : plan.gpus) {
			gpu.own_nodes.resize(nodes_of_a_gpu);
			std::iota(gpu.own_nodes.begin(), gpu.own_nodes.end(), node);
			node += nodes_of_a_gpu;
		}
	return plan;
}

std::vector<std::string> qemu_memory(const VmPlan &plan)
{
	std::vector<std::string> arguments;
	if (!plan.memory.empty())
		arguments = { "-m", qemu_size(total_of(plan)) };
	for (std::size_t node = 0; node < plan.memory.size(); node++) {
		const auto &memory = plan.memory[node];
		arguments.insert(
			arguments.end(),
			{ "-object", backend(memory), "-numa",
			  fmt::format("node,nodeid={},memdev={}{}", node, memory.device,
				      memory.cpus.empty() ? "" : ",cpus=" + memory.cpus) });
	}
	return arguments;
}

std::vector<std::string> qemu_gpus(const VmPlan &plan)
{
	std::vector<std::string> arguments;
	for (std::size_t i = 0; i < plan.gpus.size(); i++) {
		const auto &gpu = plan.gpus[i];
		arguments.insert(
			arguments.end(),
			{ "-device",
			  fmt::format("pcie-root-port,id={}-port,chassis={}", gpu.id, i + 1),
			  "-device",
			  fmt::format("vfio-pci,host={},id={},bus={}-port,rombar=0", gpu.address,
				      gpu.id, gpu.id) });
	}
	const auto objects = qemu_objects(plan);
	arguments.insert(arguments.end(), objects.begin(), objects.end());
	return arguments;
}

std::string libvirt_native(const VmPlan &plan, bool memory, bool gpus)
{
	std::string text = "<domain type='kvm'>\n";
	if (memory)
		text += domain_memory(plan) + "  <memoryBacking>\n"
					      "    <source type='file'/>\n"
					      "    <access mode='shared'/>\n"
					      "    <allocation mode='ondemand'/>\n"
					      "  </memoryBacking>\n";
	text += "  <devices>\n";
	for (std::size_t node = 0; memory && node < plan.memory.size(); node++) {
		std::string members;
		for (const auto &gpu : plan.gpus)
			if (gpu.node == node)
				members += fmt::format("        <pciDev>{}</pciDev>\n", gpu.id);
		text += fmt::format("    <memory model='egm' access='shared'>\n"
				    "      <source>\n"
				    "        <path>{}</path>\n"
				    "      </source>\n"
				    "      <target>\n"
				    "        <size unit='b'>{}</size>\n"
				    "        <node>{}</node>\n"
				    "{}"
				    "      </target>\n"
				    "    </memory>\n",
				    node_path(plan.memory[node].device),
				    plan.memory[node].size_bytes, node, members);
	}
	for (const auto &gpu : plan.gpus)
		if (gpus)
			text += hostdev(gpu);
	return text + "  </devices>\n</domain>\n";
}

std::string libvirt_qemu(const VmPlan &plan, bool memory, bool gpus)
{
	if (memory && plan.memory.size() > 1)
		throw Error(Exit::not_supported, "not_supported",
			    "libvirt without model='egm' cannot give more than one device to a VM",
			    "name one device, or use --format qemu or libvirt");
	std::vector<std::string> arguments;
	// libvirt makes a RAM of its own; the last -machine wins, so that one is never touched. It
	// is a memfd: anonymous memory of that size is refused by a host that has less itself.
	// Beside it, QEMU takes no memory for NUMA nodes, and libvirt's own nodes always have some.
	if (memory && !plan.memory.empty())
		arguments = { "-object", backend(plan.memory[0]), "-machine",
			      "memory-backend=" + plan.memory[0].device };
	std::string text =
		"<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n";
	if (memory)
		text += domain_memory(plan) + "  <memoryBacking>\n"
					      "    <source type='memfd'/>\n"
					      "    <access mode='shared'/>\n"
					      "  </memoryBacking>\n";
	if (gpus) {
		text += "  <devices>\n";
		for (const auto &gpu : plan.gpus)
			text += hostdev(gpu);
		text += "  </devices>\n";
	}
	if (!arguments.empty()) {
		text += "  <qemu:commandline>\n";
		for (const auto &argument : arguments)
			text += fmt::format("    <qemu:arg value='{}'/>\n", argument);
		text += "  </qemu:commandline>\n";
	}
	return text + "</domain>\n";
}

std::vector<SetupStep> host_setup(const Host &host, const std::vector<std::string> &gpus)
{
	std::vector<std::string> nodes = { "/dev/null",	  "/dev/full",	     "/dev/zero",
					   "/dev/random", "/dev/urandom",    "/dev/ptmx",
					   "/dev/kvm",	  "/dev/userfaultfd" };
	std::string units;
	std::set<std::string> addresses(gpus.begin(), gpus.end());
	for (const auto &device : host.devices) {
		nodes.push_back(node_path(device.name));
		units += fmt::format(" dev-{}.device", device.name);
		addresses.insert(device.gpus.begin(), device.gpus.end());
	}
	std::vector<std::string> bindings;
	for (const auto &address : addresses)
		bindings.push_back(
			fmt::format("driverctl set-override {} nvgrace_gpu_vfio_pci", address));
	std::vector<SetupStep> steps = {
		{ "QEMU's group may open the nodes (egmctl's package has this)",
		  "/etc/udev/rules.d/60-nvgrace-egm.rules", udev_lines },
		{ "libvirt lets QEMU use the nodes, once it is restarted (replace the list that is "
		  "there; not needed where libvirt knows model='egm')",
		  "/etc/libvirt/qemu.conf",
		  { fmt::format("cgroup_device_acl = [ \"{}\" ]", fmt::join(nodes, "\", \"")) } },
		{ "AppArmor lets QEMU use the nodes (egmctl's package has this)",
		  "/etc/apparmor.d/local/abstractions/libvirt-qemu", apparmor_lines },
		{ "SELinux lets QEMU map the nodes, which it may for this label only",
		  {},
		  { "semanage fcontext -a -t svirt_image_t '/dev/egm[0-9]+'",
		    "restorecon /dev/egm*" } },
	};
	if (!bindings.empty())
		steps.push_back({ "the GPUs are bound to the driver at every boot", {}, bindings });
	if (!units.empty())
		steps.push_back({ "libvirtd, virtqemud and kubelet start after the nodes "
				  "(egmctl's package has nvgrace-egm.target)",
				  "/etc/systemd/system/nvgrace-egm.target.d/nodes.conf",
				  { "[Unit]", "Wants=" + units.substr(1) } });
	else
		steps.push_back({ "once the GPUs are bound: what their nodes need besides",
				  {},
				  { "egmctl vm-config --part host-setup" } });
	return steps;
}

std::string setup_text(const std::vector<SetupStep> &steps)
{
	std::string text;
	for (const auto &step : steps) {
		text += fmt::format("# {}\n", step.purpose);
		if (!step.file.empty())
			text += fmt::format("# in {}:\n", step.file);
		for (const auto &line : step.lines)
			text += line + "\n";
		text += "\n";
	}
	return text;
}

} // namespace egm
