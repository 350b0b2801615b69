// SPDX-License-Identifier: GPL-2.0-or-later
#include "render.hpp"

#include "device_node.hpp"
#include "error.hpp"
#include "size.hpp"

#include <fmt/format.h>

#include <utility>

namespace egm {

namespace {

// A cell of a table: the value, or a dash.
template <class T>
std::string cell(const Reading<T> &reading)
{
	return reading ? fmt::format("{}", *reading) : "-";
}

std::string size_cell(std::uint64_t bytes, Sizes sizes)
{
	return sizes == Sizes::bytes ? fmt::format("{}", bytes) : short_size(bytes);
}

std::string users_cell(const Reading<std::vector<User>> &users)
{
	if (!users)
		return "-";
	std::vector<std::string> names;
	for (const auto &user : *users)
		names.push_back(fmt::format("{}({})", user.guest.empty() ? user.comm : user.guest,
					    user.pid));
	// Known to be nobody is not the same as unknown.
	return names.empty() ? "nobody" : fmt::format("{}", fmt::join(names, ","));
}

std::string joined(const std::vector<std::string> &items, const char *separator)
{
	return items.empty() ? "-" : fmt::format("{}", fmt::join(items, separator));
}

// A line of `info`: the value, or a dash with the reason.
template <class T, class Show>
std::string described(const Reading<T> &reading, Show show)
{
	return reading ? show(*reading) : fmt::format("- ({})", why_unknown(reading.unknown()));
}

template <class T>
std::string described(const Reading<T> &reading)
{
	return described(reading, [](const T &value) { return fmt::format("{}", value); });
}

std::string described_size(const Reading<std::uint64_t> &reading, Sizes sizes)
{
	return described(reading, [&](std::uint64_t bytes) {
		return sizes == Sizes::bytes ? fmt::format("{}", bytes) : long_size(bytes);
	});
}

std::string described_node(const Device &device)
{
	const auto path = node_path(device.name);
	if (!device.node)
		return device.node.unknown().why == Why::not_exported
			       ? fmt::format("{} (not checked)", path)
			       : fmt::format("{} ({})", path, why_unknown(device.node.unknown()));
	switch (*device.node) {
	case Node::ok:
		return fmt::format("{} (character device {}:{})", path, device.number->major,
				   device.number->minor);
	case Node::missing:
		return fmt::format("{} (missing)", path);
	case Node::regular_file:
		return fmt::format("{} (a regular file, not the device)", path);
	case Node::not_a_device:
		return fmt::format("{} (not a character device)", path);
	case Node::other_device:
		return fmt::format("{} (another device)", path);
	}
	throw Error(Exit::internal, "internal_error", "a node without words");
}

std::string described_dialect(const Reading<Dialect> &dialect)
{
	if (!dialect)
		return "- (of no kind that egmctl knows)";
	switch (*dialect) {
	case Dialect::own:
		return "this project's nvgrace-egm";
	case Dialect::nvidia:
		return "NVIDIA's shipping nvgrace-egm: any open of the node clears the memory";
	case Dialect::series:
		return "the kernel patch series' nvgrace-egm: an open of the node clears the "
		       "memory";
	}
	throw Error(Exit::internal, "internal_error", "a dialect without words");
}

std::string described_clear(const Device &device, Sizes sizes)
{
	if (!device.cleared_bytes || !device.clear_time_ms)
		return described_size(
			device.cleared_bytes ? device.clear_time_ms : device.cleared_bytes, sizes);
	if (*device.cleared_bytes == 0)
		return "none yet";
	return fmt::format("{} in {} ms", described_size(device.cleared_bytes, sizes),
			   *device.clear_time_ms);
}

using Lines = std::vector<std::pair<std::string, std::string>>;

void add_findings(const std::string &subject, const std::vector<Finding> &findings, Lines &lines)
{
	for (const auto &finding : findings) {
		// What may not be read has been explained beside its dash.
		if (finding.subject != subject || finding.code == "permission_denied")
			continue;
		lines.push_back({ finding.severity == Severity::note ? "Note" : "Problem",
				  finding.message.substr(subject.size() + 2) });
		if (!finding.hint.empty())
			lines.push_back({ "Hint", finding.hint });
	}
}

std::string block(const std::string &heading, const Lines &lines)
{
	constexpr std::size_t width = 18;
	std::string text = heading + "\n";
	for (const auto &[label, value] : lines)
		text += fmt::format("  {:<{}}{}\n", label + ":", width, value);
	return text;
}

std::string device_block(const Device &device, const std::vector<Finding> &findings, Sizes sizes)
{
	const auto hex = [](std::uint64_t value) { return fmt::format("{:#x}", value); };
	Lines lines = {
		{ "Driver", described_dialect(device.dialect) },
		{ "Node", described_node(device) },
		{ "Size", described_size(device.size_bytes, sizes) },
		{ "Base", described(device.base, hex) },
		{ "PXM", described(device.pxm) },
		{ "NUMA node", described(device.numa_node) },
		{ "Socket", described(device.socket) },
		{ "State", described(device.state) },
		{ "Used by",
		  described(device.users, [&](const auto &) { return users_cell(device.users); }) },
		{ "Largest mapping", described_size(device.mapping_size, sizes) },
		{ "Last clear", described_clear(device, sizes) },
		{ "Retired pages", described(device.retired_count) },
		{ "Failed pages", described(device.poison_count) },
		{ "Failures told", described(device.poison) },
		{ "ABI version", described(device.abi_version) },
		{ "GPUs", joined(device.gpus, " ") },
	};
	add_findings(device.name, findings, lines);
	return block(fmt::format("Device {}", device.name), lines);
}

std::string gpu_block(const Gpu &gpu, const std::vector<Finding> &findings, Sizes sizes)
{
	Lines lines = {
		{ "Driver", described(gpu.driver) },
		{ "NUMA node", described(gpu.numa_node) },
		{ "IOMMU group", described(gpu.iommu_group) },
		{ "VFIO device", described(gpu.vfio_device) },
		{ "EGM device", gpu.device ? *gpu.device : "-" },
		{ "EGM status", described(gpu.status) },
		{ "Region PXM", described(gpu.pxm) },
		{ "Region size", described_size(gpu.size_bytes, sizes) },
		{ "Region base",
		  described(gpu.base,
			    [](std::uint64_t base) { return fmt::format("{:#x}", base); }) },
	};
	add_findings(gpu.address, findings, lines);
	return block(fmt::format("GPU {}", gpu.address), lines);
}

} // namespace

const char *dialect_word(Dialect dialect)
{
	switch (dialect) {
	case Dialect::own:
		return "own";
	case Dialect::nvidia:
		return "nvidia";
	case Dialect::series:
		return "series";
	}
	throw Error(Exit::internal, "internal_error", "a dialect without a word");
}

std::vector<Field<Device>> list_fields(Sizes sizes)
{
	const auto size = [sizes](const Reading<std::uint64_t> &bytes) {
		return bytes ? size_cell(*bytes, sizes) : "-";
	};
	const auto owner = [](const Device &device, auto NodeOwner::*id) {
		return device.owner ? fmt::format("{}", (*device.owner).*id) : "-";
	};
	return {
		{ "DEVICE", Align::left, true, "device node",
		  [](const Device &device) { return node_path(device.name); } },
		{ "SIZE", Align::right, true, "size of the memory",
		  [=](const Device &device) { return size(device.size_bytes); } },
		{ "PXM", Align::right, true, "firmware's number of the region",
		  [](const Device &device) { return cell(device.pxm); } },
		{ "NODE", Align::right, true, "NUMA node of the region",
		  [](const Device &device) { return cell(device.numa_node); } },
		{ "STATE", Align::left, true, "idle, clearing, in-use, draining",
		  [](const Device &device) { return cell(device.state); } },
		{ "RETIRED", Align::right, true, "bad pages",
		  [](const Device &device) { return cell(device.retired_count); } },
		{ "GPUS", Align::left, true, "GPUs of the same socket",
		  [](const Device &device) { return joined(device.gpus, ","); } },
		{ "SOCKET", Align::right, false, "socket of the CPUs that are nearest to the GPUs",
		  [](const Device &device) { return cell(device.socket); } },
		{ "USED-BY", Align::left, false, "processes that have it open or mapped (root)",
		  [](const Device &device) { return users_cell(device.users); } },
		{ "POISON", Align::right, false, "pages that failed while the host ran",
		  [](const Device &device) { return cell(device.poison_count); } },
		{ "BASE", Align::right, false, "physical address (root)",
		  [](const Device &device) {
			  return device.base ? fmt::format("{:#x}", *device.base) : "-";
		  } },
		{ "MAPPING", Align::right, false, "largest block that one page table entry maps",
		  [=](const Device &device) { return size(device.mapping_size); } },
		{ "MAJ:MIN", Align::left, false, "number of the device node",
		  [](const Device &device) {
			  return device.number ? fmt::format("{}:{}", device.number->major,
							     device.number->minor)
					       : "-";
		  } },
		{ "MODE", Align::right, false, "permissions of the device node",
		  [](const Device &device) {
			  return device.owner ? fmt::format("{:04o}", device.owner->mode) : "-";
		  } },
		{ "UID", Align::right, false, "owner of the device node",
		  [=](const Device &device) { return owner(device, &NodeOwner::uid); } },
		{ "GID", Align::right, false, "group of the device node",
		  [=](const Device &device) { return owner(device, &NodeOwner::gid); } },
		{ "ABI", Align::right, false, "version of the sysfs attributes",
		  [](const Device &device) { return cell(device.abi_version); } },
		{ "DIALECT", Align::left, false, "whose driver: own, nvidia, series",
		  [](const Device &device) {
			  return device.dialect ? dialect_word(*device.dialect) : "-";
		  } },
	};
}

std::string info_text(const Host &host, const std::vector<Finding> &findings, Sizes sizes)
{
	std::vector<std::string> blocks;
	for (const auto &device : host.devices)
		blocks.push_back(device_block(device, findings, sizes));
	for (const auto &gpu : host.gpus)
		blocks.push_back(gpu_block(gpu, findings, sizes));
	return fmt::format("{}", fmt::join(blocks, "\n"));
}

std::vector<Field<RetiredRow>> retired_fields(Sizes sizes)
{
	return {
		{ "DEVICE", Align::left, true, "device node",
		  [](const RetiredRow &row) { return node_path(row.device); } },
		{ "OFFSET", Align::right, true, "from the start of the device",
		  [](const RetiredRow &row) {
			  return fmt::format("{:#x}", row.page.offset_bytes);
		  } },
		{ "SIZE", Align::right, true, "of the bad memory",
		  [sizes](const RetiredRow &row) {
			  return size_cell(row.page.size_bytes, sizes);
		  } },
		{ "ORIGIN", Align::left, true, "firmware (known at boot) or runtime",
		  [](const RetiredRow &row) { return row.page.origin; } },
	};
}

std::vector<RetiredRow> rows_of(const std::vector<RetiredPages> &devices)
{
	std::vector<RetiredRow> rows;
	for (const auto &device : devices)
		for (const auto &page : device.pages)
			rows.push_back({ device.name, page });
	return rows;
}

} // namespace egm
