// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose.hpp"

#include "device_node.hpp"
#include "reasons.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace egm {

namespace {

using Findings = std::vector<Finding>;

bool has_status(const Gpu &gpu, std::string_view status)
{
	return gpu.status && *gpu.status == status;
}

std::string gpus_counted(std::ptrdiff_t count)
{
	return count == 1 ? "1 GPU" : fmt::format("{} GPUs", count);
}

// Why there is no device at all: the first link of the chain that is broken.
void explain_absence(const Host &host, Findings &findings)
{
	if (!host.devices.empty())
		return;
	if (host.narrowed) {
		findings.push_back(
			{ Severity::warning, "no_match", "", "no EGM device matches",
			  "`egmctl list` names the devices and says why one is absent" });
		return;
	}
	const auto count = [&](std::string_view status) {
		return std::ranges::count_if(
			host.gpus, [&](const Gpu &gpu) { return has_status(gpu, status); });
	};
	const auto joined = count("joined");
	const auto refused = count("refused");
	const auto off = count("off");
	const auto say = [&](const std::string &message, const std::string &hint) {
		findings.push_back(
			{ Severity::warning, "no_device", "", "no EGM device: " + message, hint });
	};

	if (host.gpus.empty() && !host.gpu_module.loaded)
		say("the module nvgrace_gpu_vfio_pci is not loaded",
		    "load nvgrace-gpu-vfio-pci.ko and nvgrace-egm.ko, then bind the GPUs to it");
	else if (host.gpus.empty())
		say("no GPU is bound to nvgrace_gpu_vfio_pci",
		    "for each GPU: driverctl set-override DDDD:BB:DD.F nvgrace_gpu_vfio_pci");
	else if (refused > 0 && joined == 0)
		say(fmt::format("the driver refused the region of {}{}", gpus_counted(refused),
				off > 0 ? fmt::format(", EGM is off for {}", gpus_counted(off))
					: ""),
		    "`egmctl info` says why for each GPU");
	else if (off > 0 && joined == 0)
		say(fmt::format("EGM is off in firmware for {}", gpus_counted(off)),
		    "switch EGM on, with a hypervisor, in the firmware settings and reboot");
	else if (!host.egm_module.loaded)
		say("the module nvgrace_egm is not loaded", "load nvgrace-egm.ko");
	else if (joined > 0)
		say(fmt::format("nvgrace_egm did not take the region of {}", gpus_counted(joined)),
		    "`journalctl -k -g egm` shows the cause");
	else
		say("the loaded nvgrace_gpu_vfio_pci says nothing about EGM",
		    "it may be the copy that came with the kernel: modinfo nvgrace-gpu-vfio-pci");
}

template <class T>
void check_reading(const std::string &subject, const Reading<T> &reading, Findings &findings)
{
	if (reading)
		return;
	const auto &unknown = reading.unknown();
	if (unknown.why == Why::permission)
		findings.push_back({ Severity::note, "permission_denied", subject,
				     fmt::format("{}: {}", subject, unknown.detail),
				     "run as root" });
	else if (unknown.why == Why::failed)
		findings.push_back({ Severity::warning, "unreadable", subject,
				     fmt::format("{}: {}", subject, unknown.detail), "" });
}

// How to get the right node back, once nothing wrong stands in its place.
std::string mknod_hint(const Device &device)
{
	if (!device.number)
		return "reload nvgrace-egm";
	return fmt::format("mknod -m 0600 {} c {} {}", node_path(device.name), device.number->major,
			   device.number->minor);
}

void check_node(const Device &device, Findings &findings)
{
	if (!device.node) {
		// An unknown number has been reported by itself.
		if (device.number)
			check_reading(device.name, device.node, findings);
		return;
	}
	const auto path = node_path(device.name);
	const auto say = [&](const char *code, const std::string &what, const std::string &hint) {
		findings.push_back({ Severity::warning, code, device.name,
				     fmt::format("{}: {} {}", device.name, path, what), hint });
	};
	switch (*device.node) {
	case Node::ok:
		break;
	case Node::missing:
		say("node_missing", "is missing", mknod_hint(device));
		break;
	case Node::regular_file:
		say("node_regular_file",
		    "is a regular file, not the device; QEMU creates one when the node is missing",
		    fmt::format("stop what uses it, rm {}, then {}", path, mknod_hint(device)));
		break;
	case Node::not_a_device:
		say("node_not_a_device", "is not a character device",
		    fmt::format("remove it, then {}", mknod_hint(device)));
		break;
	case Node::other_device:
		say("node_other_device",
		    fmt::format("is another device than {}:{}, its number in sysfs",
				device.number->major, device.number->minor),
		    fmt::format("rm {}, then {}", path, mknod_hint(device)));
		break;
	}
}

void check_device(const Device &device, Findings &findings)
{
	check_reading(device.name, device.size_bytes, findings);
	check_reading(device.name, device.pxm, findings);
	check_reading(device.name, device.numa_node, findings);
	check_reading(device.name, device.state, findings);
	check_reading(device.name, device.retired_count, findings);
	check_reading(device.name, device.abi_version, findings);
	check_reading(device.name, device.base, findings);
	check_reading(device.name, device.mapping_size, findings);
	check_reading(device.name, device.cleared_bytes, findings);
	check_reading(device.name, device.clear_time_ms, findings);
	check_reading(device.name, device.poison_count, findings);
	check_reading(device.name, device.poison, findings);
	check_reading(device.name, device.number, findings);
	check_node(device, findings);
	check_reading(device.name, device.listed_gpus, findings);
	check_reading(device.name, device.linked_gpus, findings);

	// NVIDIA's shipped driver has no links, so only two lists that say something can disagree.
	if (device.listed_gpus && device.linked_gpus && !device.linked_gpus->empty() &&
	    *device.listed_gpus != *device.linked_gpus)
		findings.push_back({ Severity::warning, "gpu_lists_disagree", device.name,
				     fmt::format("{}: gpu_devices and the links to GPUs disagree",
						 device.name),
				     "look again: a GPU may just be joining or leaving" });
}

void check_gpu(const Host &host, const Gpu &gpu, Findings &findings)
{
	check_reading(gpu.address, gpu.driver, findings);
	check_reading(gpu.address, gpu.status, findings);
	check_reading(gpu.address, gpu.reason, findings);
	check_reading(gpu.address, gpu.pxm, findings);
	check_reading(gpu.address, gpu.size_bytes, findings);
	check_reading(gpu.address, gpu.base, findings);

	const auto reason =
		gpu.reason ? explain(*gpu.reason) : Reason{ "?", "the reason cannot be read", "" };
	if (has_status(gpu, "refused"))
		findings.push_back({ Severity::warning, "region_refused", gpu.address,
				     fmt::format("{}: EGM region refused ({}): {}", gpu.address,
						 reason.word, reason.meaning),
				     std::string(reason.advice) });
	if (has_status(gpu, "off"))
		findings.push_back({ Severity::note, "region_off", gpu.address,
				     fmt::format("{}: EGM is off ({}): {}", gpu.address,
						 reason.word, reason.meaning),
				     std::string(reason.advice) });
	if (has_status(gpu, "joined") && !gpu.device && !host.devices.empty())
		findings.push_back({ Severity::warning, "region_without_device", gpu.address,
				     fmt::format("{}: has joined an EGM region that has no device",
						 gpu.address),
				     "`journalctl -k -g egm` shows the cause" });
}

} // namespace

std::vector<Finding> diagnose(const Host &host)
{
	Findings findings;
	explain_absence(host, findings);
	for (const auto &device : host.devices)
		check_device(device, findings);
	for (const auto &gpu : host.gpus)
		check_gpu(host, gpu, findings);
	for (const auto &name : host.stray_files)
		findings.push_back(
			{ Severity::warning, "stray_file", name,
			  fmt::format("{}: {} is a regular file and there is no such device; QEMU "
				      "creates one when the node is missing",
				      name, node_path(name)),
			  fmt::format("stop what uses it, then rm {}", node_path(name)) });
	for (const auto &skipped : host.skipped)
		findings.push_back({ Severity::warning, "skipped", skipped.name,
				     fmt::format("skipped {}", skipped.message), "" });
	return findings;
}

std::string why_unknown(const Unknown &unknown)
{
	switch (unknown.why) {
	case Why::not_exported:
		return "not exported by this driver";
	case Why::not_set:
		return "not known to the kernel";
	case Why::not_asked:
		return "not looked for";
	case Why::gone:
		return "gone";
	case Why::permission:
		return "permission denied: run as root";
	case Why::failed:
		break;
	}
	return unknown.detail;
}

} // namespace egm
