// SPDX-License-Identifier: GPL-2.0-or-later
// What firmware says of EGM, and whether the host agrees.
#include "checks.hpp"
#include "reasons.hpp"
#include "size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace egm {

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr const char *settings =
	"in the firmware settings switch EGM on and reserve memory for the hypervisor (Redfish: "
	"/Bios/Attributes EGM, EGMHypervisorReservedMemory), then reboot";

bool says(const Gpu &gpu, std::string_view status, const std::set<std::string> &reasons)
{
	return gpu.status && *gpu.status == status && gpu.reason && reasons.contains(*gpu.reason);
}

std::vector<std::pair<std::string, std::string>> evidence_of(const Gpu &gpu)
{
	std::vector<std::pair<std::string, std::string>> evidence;
	if (gpu.reason)
		evidence.push_back({ "reason", *gpu.reason });
	if (gpu.pxm)
		evidence.push_back({ "pxm", fmt::format("{}", *gpu.pxm) });
	if (gpu.base)
		evidence.push_back({ "base", fmt::format("{:#x}", *gpu.base) });
	if (gpu.size_bytes)
		evidence.push_back({ "size", fmt::format("{:#x}", *gpu.size_bytes) });
	return evidence;
}

// The GPUs that were turned away for one of these reasons.
Results refusals(const Subject &subject, const std::set<std::string> &reasons, const char *good)
{
	if (subject.host.gpus.empty())
		return { skip("no GPU is bound to nvgrace_gpu_vfio_pci") };
	Results results;
	bool told = false;
	for (const auto &gpu : subject.host.gpus) {
		told = told || gpu.status;
		if (!says(gpu, "refused", reasons))
			continue;
		const auto reason = explain(*gpu.reason);
		results.push_back({ Verdict::fail, gpu.address, std::string(reason.meaning),
				    std::string(reason.advice), evidence_of(gpu) });
	}
	if (!told)
		return { skip("the driver of the GPUs does not tell") };
	if (results.empty())
		results.push_back(pass(good));
	return results;
}

Results check_mode(const Subject &subject)
{
	const auto &gpus = subject.host.gpus;
	if (gpus.empty())
		return { skip("no GPU is bound to nvgrace_gpu_vfio_pci") };
	if (std::ranges::none_of(gpus, [](const Gpu &gpu) { return bool(gpu.status); }))
		return { subject.host.devices.empty() ? skip("the driver of the GPUs does not tell")
						      : pass("EGM devices exist") };
	Results results;
	for (const auto &gpu : gpus) {
		// Without a hypervisor the region is the host's own memory, and its number is the
		// socket's, below 4; with one it is 4 + socket.
		if (says(gpu, "refused", { "system-ram" }))
			results.push_back(
				{ Verdict::fail, gpu.address,
				  gpu.pxm && *gpu.pxm < 4
					  ? "EGM without a hypervisor: firmware describes the "
					    "host's "
					    "own memory, of which nothing is set aside for guests"
					  : "firmware describes memory that the host itself uses",
				  settings, evidence_of(gpu) });
	}
	if (!results.empty())
		return results;
	const auto off = std::ranges::find_if(
		gpus, [](const Gpu &gpu) { return gpu.status && *gpu.status == "off"; });
	const bool all = std::ranges::all_of(
		gpus, [](const Gpu &gpu) { return gpu.status && *gpu.status == "off"; });
	if (off != gpus.end())
		return { { all ? Verdict::fail : Verdict::info, off->address,
			   all ? "EGM is off" : "EGM is off for this GPU", all ? settings : "",
			   evidence_of(*off) } };
	return { pass("with a hypervisor") };
}

Results check_region(const Subject &subject)
{
	return refusals(subject,
			{ "malformed", "pxm", "wraps", "width", "kdump", "region", "pci",
			  "gpu-memory", "reserved", "unaligned", "internal" },
			"the driver takes what firmware describes");
}

Results check_consistent(const Subject &subject)
{
	return refusals(subject, { "disagrees" }, "all GPUs of a socket name the same region");
}

Results check_size(const Subject &subject)
{
	return for_devices(subject, [](const Device &device) -> Result {
		if (!device.size_bytes)
			return skip(device.size_bytes.unknown(), device.name);
		const auto size = *device.size_bytes;
		const auto gpus = std::max<std::size_t>(device.gpus.size(), 1);
		if (size == 0 || size % 65536)
			return { Verdict::fail,
				 device.name,
				 fmt::format("{} bytes are not a multiple of 64 KiB", size),
				 "update the firmware",
				 {} };
		if (size % (2 * mib))
			return { Verdict::warn,
				 device.name,
				 fmt::format(
					 "{} is not a multiple of 2 MiB: guests get small pages",
					 long_size(size)),
				 "reserve a multiple of 2 MiB in the firmware settings",
				 {} };
		if (size % (gpus * mib))
			return { Verdict::warn,
				 device.name,
				 fmt::format("{} cannot be divided by {} GPUs into whole MiB",
					     long_size(size), gpus),
				 "reserve another amount in the firmware settings",
				 {} };
		return pass(long_size(size), device.name);
	});
}

Results check_retired_table(const Subject &subject)
{
	return for_devices(subject, [&](const Device &device) -> Result {
		constexpr std::size_t most = 4096;
		const auto found = subject.around.retired.find(device.name);
		if (found == subject.around.retired.end() || !found->second)
			return skip(found == subject.around.retired.end() ? Unknown{}
									  : found->second.unknown(),
				    device.name);
		const auto &pages = *found->second;
		const auto firmware = std::ranges::count(pages, "firmware", &RetiredPage::origin);
		if (static_cast<std::size_t>(firmware) > most)
			return { Verdict::warn,
				 device.name,
				 fmt::format("firmware lists {} pages, and {} are the most that "
					     "its table holds",
					     firmware, most),
				 "update the firmware",
				 {} };
		for (const auto &page : pages)
			if (page.offset_bytes % page.size_bytes ||
			    (device.size_bytes &&
			     page.offset_bytes + page.size_bytes > *device.size_bytes))
				return { Verdict::warn,
					 device.name,
					 fmt::format(
						 "a retired page at {:#x} is no page of the region",
						 page.offset_bytes),
					 "update the firmware",
					 {} };
		return pass(fmt::format("pages of firmware's: {}", firmware), device.name);
	});
}

Results check_overlap(const Subject &subject)
{
	return for_devices(subject, [&](const Device &device) -> Result {
		const auto &ram = subject.around.system_ram;
		if (!ram)
			return skip(ram.unknown(), device.name);
		if (!device.base || !device.size_bytes)
			return skip(device.base ? device.size_bytes.unknown()
						: device.base.unknown(),
				    device.name);
		const auto first = *device.base;
		const auto last = first + (*device.size_bytes - 1);
		for (const auto &range : *ram)
			if (first <= range.last && range.first <= last)
				return { Verdict::fail,
					 device.name,
					 "the region overlaps RAM of this host",
					 fmt::format("do not use it; {}", settings),
					 { { "region", fmt::format("{:#x}-{:#x}", first, last) },
					   { "ram", fmt::format("{:#x}-{:#x}", range.first,
								range.last) } } };
		return pass("outside of RAM", device.name);
	});
}

Results check_node(const Subject &subject)
{
	return for_devices(subject, [&](const Device &device) -> Result {
		if (!device.numa_node && device.numa_node.unknown().why == Why::not_set)
			return { Verdict::warn,
				 device.name,
				 "firmware's tables do not know the region's proximity domain",
				 "update the firmware",
				 {} };
		if (!device.numa_node)
			return skip(device.numa_node.unknown(), device.name);
		const auto &distances = subject.around.distances;
		const auto own = distances.find(*device.numa_node);
		if (own == distances.end())
			return { Verdict::info,
				 device.name,
				 fmt::format("node {} is not online", *device.numa_node),
				 {},
				 {} };
		// The kernel names the distances to the nodes that are online, in their order.
		const auto place = static_cast<std::size_t>(std::distance(distances.begin(), own));
		if (own->second.size() == distances.size() &&
		    std::ranges::min(own->second) < own->second[place])
			return { Verdict::warn,
				 device.name,
				 fmt::format("node {} is nearer to another node than to itself",
					     *device.numa_node),
				 "update the firmware",
				 {} };
		return pass(fmt::format("node {}", *device.numa_node), device.name);
	});
}

} // namespace

std::vector<Check> firmware_checks()
{
	return {
		{ "fw.mode", "EGM mode of the firmware", false, { "mod.loaded" }, check_mode },
		{ "fw.region",
		  "regions that firmware describes",
		  false,
		  { "fw.mode" },
		  check_region },
		{ "acpi.consistent",
		  "that GPUs of a socket agree",
		  false,
		  { "fw.mode" },
		  check_consistent },
		{ "fw.size", "sizes", false, { "fw.mode" }, check_size },
		{ "acpi.retired-base",
		  "firmware's list of bad pages",
		  false,
		  { "fw.size" },
		  check_retired_table },
		{ "mem.overlap", "regions against RAM", true, { "fw.mode" }, check_overlap },
		{ "numa.node", "NUMA nodes", false, {}, check_node },
	};
}

} // namespace egm
