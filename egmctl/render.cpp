// SPDX-License-Identifier: GPL-2.0-or-later
#include "render.hpp"

#include "device_node.hpp"
#include "size.hpp"

#include <fmt/format.h>
#include <libsmartcols/libsmartcols.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace egm {

namespace {

enum class Align { left, right };

struct Column {
	const char *name;
	Align align;
};

using Row = std::vector<std::string>;

void check(int result)
{
	if (result != 0)
		throw Error(Exit::internal, "internal_error",
			    fmt::format("libsmartcols: {}", std::strerror(std::abs(result))));
}

std::string table_text(const std::vector<Column> &columns, const std::vector<Row> &rows)
{
	// libsmartcols prints no heading over an empty table anyway, and a message instead.
	if (rows.empty())
		return {};
	const std::unique_ptr<libscols_table, decltype(&scols_unref_table)> table(
		scols_new_table(), scols_unref_table);
	if (!table)
		throw std::bad_alloc();
	for (const auto &column : columns)
		if (!scols_table_new_column(table.get(), column.name, 0,
					    column.align == Align::right ? SCOLS_FL_RIGHT : 0))
			throw std::bad_alloc();
	for (const auto &row : rows) {
		libscols_line *line = scols_table_new_line(table.get(), nullptr);
		if (!line)
			throw std::bad_alloc();
		for (std::size_t i = 0; i < row.size(); i++)
			check(scols_line_set_data(line, i, row[i].c_str()));
	}
	char *text = nullptr;
	check(scols_print_table_to_string(table.get(), &text));
	const std::unique_ptr<char, decltype(&std::free)> owner(text, std::free);
	std::string result = text;
	if (!result.ends_with('\n'))
		result += '\n';
	return result;
}

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
	constexpr std::size_t width = 16;
	std::string text = heading + "\n";
	for (const auto &[label, value] : lines)
		text += fmt::format("  {:<{}}{}\n", label + ":", width, value);
	return text;
}

std::string device_block(const Device &device, const std::vector<Finding> &findings, Sizes sizes)
{
	Lines lines = {
		{ "Node", described_node(device) },
		{ "Size", described_size(device.size_bytes, sizes) },
		{ "PXM", described(device.pxm) },
		{ "NUMA node", described(device.numa_node) },
		{ "State", described(device.state) },
		{ "Retired pages", described(device.retired_count) },
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

std::string list_table(const Host &host, Sizes sizes)
{
	std::vector<Row> rows;
	for (const auto &device : host.devices)
		rows.push_back({ node_path(device.name),
				 device.size_bytes ? size_cell(*device.size_bytes, sizes) : "-",
				 cell(device.pxm), cell(device.numa_node), cell(device.state),
				 cell(device.retired_count), joined(device.gpus, ",") });
	return table_text({ { "DEVICE", Align::left },
			    { "SIZE", Align::right },
			    { "PXM", Align::right },
			    { "NODE", Align::right },
			    { "STATE", Align::left },
			    { "RETIRED", Align::right },
			    { "GPUS", Align::left } },
			  rows);
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

std::string retired_pages_table(const std::vector<RetiredPages> &devices, Sizes sizes)
{
	std::vector<Row> rows;
	for (const auto &device : devices)
		for (const auto &page : device.pages)
			rows.push_back({ node_path(device.name),
					 fmt::format("{:#x}", page.offset_bytes),
					 size_cell(page.size_bytes, sizes), page.origin });
	return table_text({ { "DEVICE", Align::left },
			    { "OFFSET", Align::right },
			    { "SIZE", Align::right },
			    { "ORIGIN", Align::left } },
			  rows);
}

void write_output(const std::string &text)
{
	if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
	    std::fflush(stdout) != 0)
		throw Error(Exit::output, "output_failed",
			    fmt::format("cannot write the output: {}", std::strerror(errno)));
}

void write_message(const std::string &message, const std::string &hint)
{
	std::string text = fmt::format("egmctl: {}\n", message);
	if (!hint.empty())
		text += fmt::format("hint: {}\n", hint);
	// Nobody is left to tell when standard error fails.
	std::fputs(text.c_str(), stderr);
}

void write_warnings(const std::vector<Finding> &findings)
{
	for (const auto &finding : findings)
		if (finding.severity == Severity::warning)
			write_message(finding.message, finding.hint);
}

} // namespace egm
