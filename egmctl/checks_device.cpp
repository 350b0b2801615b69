// SPDX-License-Identifier: GPL-2.0-or-later
// The EGM devices, their nodes, their pages and their GPUs.
#include "checks.hpp"
#include "device_node.hpp"
#include "diagnose.hpp"
#include "size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace egm {

namespace {

constexpr const char *vfio_driver = "nvgrace_gpu_vfio_pci";

Results check_driver(const Subject &subject)
{
	Results results;
	for (const auto &function : subject.around.nvidia)
		if (!function.driver)
			results.push_back({ Verdict::fail,
					    function.address,
					    "has no driver",
					    fmt::format("driverctl set-override {} {}",
							function.address, vfio_driver),
					    {} });
		else if (*function.driver != vfio_driver &&
			 *function.driver != "nvgrace-gpu-vfio-pci")
			results.push_back({ Verdict::fail,
					    function.address,
					    fmt::format("is bound to {}, not to {}",
							*function.driver, vfio_driver),
					    fmt::format("driverctl set-override {} {}",
							function.address, vfio_driver),
					    { { "driver", *function.driver } } });
	for (const auto &device : subject.host.devices)
		if (device.gpus.empty())
			results.push_back({ Verdict::fail,
					    device.name,
					    "no GPU of this region is bound",
					    "bind the GPUs of the socket",
					    {} });
	if (!results.empty())
		return results;
	if (subject.host.gpus.empty())
		return { { Verdict::fail,
			   {},
			   fmt::format("no GPU is bound to {}", vfio_driver),
			   fmt::format("for each GPU: driverctl set-override DDDD:BB:DD.F {}",
				       vfio_driver),
			   {} } };
	return { pass(fmt::format("{} bound", subject.host.gpus.size())) };
}

Results check_complete(const Subject &subject)
{
	return for_devices(subject, [&](const Device &device) -> Result {
		const auto missing = [&](const std::string &address) -> Result {
			return { Verdict::fail,
				 device.name,
				 fmt::format("GPU {} belongs to this socket and not to the device",
					     address),
				 fmt::format("driverctl set-override {} {}", address, vfio_driver),
				 { { "gpu", address } } };
		};
		const auto lists = [&](const std::string &address) {
			return std::ranges::find(device.gpus, address) != device.gpus.end();
		};
		for (const auto &gpu : subject.host.gpus)
			if (gpu.pxm && device.pxm && *gpu.pxm == *device.pxm && !lists(gpu.address))
				return missing(gpu.address);
		// Of NVIDIA's GPUs that have no driver to tell, those on the node of one that is
		// in.
		for (const auto &gpu : subject.host.gpus)
			for (const auto &function : subject.around.nvidia)
				if (lists(gpu.address) && gpu.numa_node && function.numa_node &&
				    *gpu.numa_node == *function.numa_node &&
				    !lists(function.address))
					return missing(function.address);
		return pass(fmt::format("GPUs: {}", device.gpus.size()), device.name);
	});
}

// The findings of these codes.
Results failures_of(const Host &host, const std::function<bool(const std::string &)> &concerns)
{
	Results results;
	for (const auto &finding : diagnose(host)) {
		if (!concerns(finding.code))
			continue;
		const auto prefix = finding.subject.empty() ? "" : finding.subject + ": ";
		results.push_back({ Verdict::fail,
				    finding.subject,
				    finding.message.substr(prefix.size()),
				    finding.hint,
				    { { "code", finding.code } } });
	}
	return results;
}

Results check_devices(const Subject &subject)
{
	auto results = failures_of(subject.host, [](const std::string &code) {
		return code == "no_device" || code == "region_without_device";
	});
	if (!results.empty())
		return results;
	return { pass(fmt::format("EGM devices: {}", subject.host.devices.size())) };
}

Results check_present(const Subject &subject)
{
	auto results = failures_of(subject.host, [](const std::string &code) {
		return code.starts_with("node_") || code == "stray_file";
	});
	if (!results.empty())
		return results;
	return for_devices(subject, [](const Device &device) -> Result {
		if (!device.node)
			return skip(device.node.unknown(), device.name);
		return pass("the driver's character device", device.name);
	});
}

Results check_access(const Subject &subject)
{
	return for_devices(subject, [&](const Device &device) -> Result {
		const auto &user = subject.around.vm_user;
		if (!user)
			return skip(user.unknown().detail.empty()
					    ? "no account that runs QEMU is known"
					    : user.unknown().detail,
				    device.name);
		if (!device.owner)
			return skip("the node is not known", device.name);
		const auto &node = *device.owner;
		const unsigned int bits = user->uid == node.uid		  ? node.mode >> 6
					  : user->gids.contains(node.gid) ? node.mode >> 3
									  : node.mode;
		if (user->uid == 0 || (bits & 6) == 6)
			return pass(fmt::format("{} may open it", user->name), device.name);
		return { Verdict::warn,
			 device.name,
			 fmt::format("{} may not open {}", user->name, node_path(device.name)),
			 "`egmctl vm-config --part host-setup` prints a udev rule",
			 { { "mode", fmt::format("{:04o}", node.mode) },
			   { "uid", fmt::format("{}", node.uid) },
			   { "gid", fmt::format("{}", node.gid) } } };
	});
}

Results check_idle(const Subject &subject)
{
	return for_devices(subject, [](const Device &device) -> Result {
		if (!device.state)
			return skip(device.state.unknown(), device.name);
		if (*device.state == "idle")
			return pass("idle", device.name);
		return { Verdict::info, device.name, *device.state, {}, {} };
	});
}

Results check_clear_time(const Subject &subject)
{
	return for_devices(subject, [](const Device &device) -> Result {
		if (!device.size_bytes || !device.cleared_bytes || !device.clear_time_ms)
			return skip("the driver does not tell", device.name);
		if (*device.cleared_bytes == 0 || *device.clear_time_ms == 0)
			return skip("not cleared yet", device.name);
		const double rate = static_cast<double>(*device.cleared_bytes) /
				    static_cast<double>(*device.clear_time_ms);
		return { Verdict::info,
			 device.name,
			 fmt::format("a start of a VM clears for about {:.1f} s",
				     static_cast<double>(*device.size_bytes) / rate / 1000),
			 {},
			 {} };
	});
}

Result judge_retired(const Device &device, const std::string &map_retired, std::ptrdiff_t firmware,
		     std::ptrdiff_t runtime)
{
	constexpr std::ptrdiff_t many = 64;
	const std::vector<std::pair<std::string, std::string>> evidence = {
		{ "map_retired", map_retired },
		{ "firmware", fmt::format("{}", firmware) },
		{ "runtime", fmt::format("{}", runtime) },
	};
	if (runtime > 0 && map_retired == "firmware")
		return { Verdict::fail, device.name,
			 fmt::format(
				 "pages that failed since the host booted, and are not mapped: {}. "
				 "VFIO cannot map RAM with a hole, so no VM with a GPU starts",
				 runtime),
			 "reboot the host, or load nvgrace-egm with map_retired=all", evidence };
	if (firmware + runtime > 0 && map_retired == "none")
		return { Verdict::fail, device.name,
			 fmt::format(
				 "bad pages that are not mapped: {}. VFIO cannot map RAM with a "
				 "hole, so no VM with a GPU starts",
				 firmware + runtime),
			 "load nvgrace-egm with map_retired=all", evidence };
	if (firmware + runtime > many)
		return { Verdict::warn, device.name,
			 fmt::format("bad pages: {}", firmware + runtime),
			 "plan a replacement of the memory", evidence };
	return pass(fmt::format("bad pages: {}", firmware + runtime), device.name);
}

Results check_retired(const Subject &subject)
{
	return for_devices(subject, [&](const Device &device) -> Result {
		const auto found = subject.around.retired.find(device.name);
		if (found == subject.around.retired.end() || !found->second)
			return skip(found == subject.around.retired.end() ? Unknown{}
									  : found->second.unknown(),
				    device.name);
		const auto &pages = *found->second;
		const auto runtime = std::ranges::count(pages, "runtime", &RetiredPage::origin);
		return judge_retired(device,
				     subject.around.map_retired ? *subject.around.map_retired : "-",
				     std::ssize(pages) - runtime, runtime);
	});
}

Results check_group(const Subject &subject)
{
	Results results;
	for (const auto &group : subject.around.groups) {
		if (!group.members) {
			results.push_back({ Verdict::fail,
					    group.gpu,
					    "has no IOMMU group",
					    "switch the SMMU on in the firmware settings, and have "
					    "no iommu=off on the kernel's command line",
					    {} });
			continue;
		}
		for (const auto &member : *group.members)
			if (member.driver && *member.driver != vfio_driver &&
			    *member.driver != "vfio-pci" && *member.driver != "pcieport" &&
			    member.address != group.gpu)
				results.push_back(
					{ Verdict::fail,
					  group.gpu,
					  fmt::format("shares its IOMMU group with {}, which {} "
						      "drives",
						      member.address, *member.driver),
					  fmt::format("driverctl set-override {} vfio-pci",
						      member.address),
					  { { "member", member.address },
					    { "driver", *member.driver } } });
		if (group.node && !*group.node)
			results.push_back({ Verdict::fail,
					    group.gpu,
					    "has no node in /dev/vfio",
					    "modprobe vfio-pci, and look whether udev runs",
					    {} });
	}
	if (!results.empty())
		return results;
	if (subject.around.groups.empty())
		return { skip("no GPU is bound") };
	return { pass("every GPU can be given to a VM") };
}

} // namespace

std::vector<Check> device_checks()
{
	return {
		{ "gpu.driver", "drivers of the GPUs", false, { "mod.loaded" }, check_driver },
		{ "gpu.complete",
		  "that all GPUs of a socket are there",
		  false,
		  { "gpu.driver", "fw.mode", "fw.region", "acpi.consistent" },
		  check_complete },
		{ "gpu.group", "IOMMU groups", false, { "gpu.driver" }, check_group },
		{ "dev.region",
		  "that the GPUs' regions are devices",
		  false,
		  { "mod.loaded", "gpu.driver", "fw.mode", "fw.region", "acpi.consistent" },
		  check_devices },
		{ "dev.present", "device nodes", false, { "mod.loaded" }, check_present },
		{ "dev.access", "who may open the nodes", false, { "dev.present" }, check_access },
		{ "dev.idle", "who has the devices", false, {}, check_idle },
		{ "dev.zero-time", "time to clear", false, {}, check_clear_time },
		{ "ras.retired", "bad pages", false, {}, check_retired },
	};
}

} // namespace egm
