// SPDX-License-Identifier: GPL-2.0-or-later
#include "json.hpp"

#include "device_node.hpp"
#include "reasons.hpp"
#include "version.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace egm {

namespace {

using Json = nlohmann::ordered_json;

Json document(const std::string &name)
{
	return { { "schema", "egmctl." + name },
		 { "schema_version", 1 },
		 { "egmctl_version", version } };
}

template <class T>
Json or_null(const Reading<T> &reading)
{
	return reading ? Json(*reading) : Json(nullptr);
}

// An empty text is no text.
Json or_null(std::string_view text)
{
	return text.empty() ? Json(nullptr) : Json(text);
}

const char *node_word(Node node)
{
	switch (node) {
	case Node::ok:
		return "ok";
	case Node::missing:
		return "missing";
	case Node::regular_file:
		return "regular-file";
	case Node::not_a_device:
		return "not-a-device";
	case Node::other_device:
		return "other-device";
	}
	throw Error(Exit::internal, "internal_error", "a node without a word");
}

Json device_json(const Device &device)
{
	return {
		{ "name", device.name },
		{ "path", node_path(device.name) },
		{ "node", device.node ? Json(node_word(*device.node)) : Json(nullptr) },
		{ "major", device.number ? Json(device.number->major) : Json(nullptr) },
		{ "minor", device.number ? Json(device.number->minor) : Json(nullptr) },
		{ "size_bytes", or_null(device.size_bytes) },
		{ "pxm", or_null(device.pxm) },
		{ "numa_node", or_null(device.numa_node) },
		{ "state", or_null(device.state) },
		{ "retired_count", or_null(device.retired_count) },
		{ "abi_version", or_null(device.abi_version) },
		{ "gpus", device.gpus },
	};
}

Json gpu_json(const Gpu &gpu)
{
	const auto reason = gpu.reason ? explain(*gpu.reason) : Reason{};
	return {
		{ "pci_address", gpu.address },
		{ "driver", or_null(gpu.driver) },
		{ "device", or_null(gpu.device) },
		{ "status", or_null(gpu.status) },
		{ "reason", or_null(gpu.reason) },
		{ "meaning", or_null(reason.meaning) },
		{ "advice", or_null(reason.advice) },
		{ "pxm", or_null(gpu.pxm) },
		{ "size_bytes", or_null(gpu.size_bytes) },
		{ "base", gpu.base ? Json(fmt::format("{:#x}", *gpu.base)) : Json(nullptr) },
	};
}

Json findings_json(const std::vector<Finding> &findings)
{
	Json list = Json::array();
	for (const auto &finding : findings)
		list.push_back({
			{ "severity", finding.severity == Severity::note ? "note" : "warning" },
			{ "code", finding.code },
			{ "subject", or_null(finding.subject) },
			{ "message", finding.message },
			{ "hint", or_null(finding.hint) },
		});
	return list;
}

std::string text_of(const Json &json)
{
	// Text from outside is ASCII by now; what the user typed may be anything.
	return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace

std::string host_json(const std::string &command, const Host &host,
		      const std::vector<Finding> &findings)
{
	Json json = document(command);
	json["devices"] = Json::array();
	for (const auto &device : host.devices)
		json["devices"].push_back(device_json(device));
	json["gpus"] = Json::array();
	for (const auto &gpu : host.gpus)
		json["gpus"].push_back(gpu_json(gpu));
	json["warnings"] = findings_json(findings);
	return text_of(json);
}

std::string retired_pages_json(const std::vector<RetiredPages> &devices,
			       const std::vector<Finding> &findings)
{
	Json json = document("retired-pages");
	json["devices"] = Json::array();
	for (const auto &device : devices) {
		Json pages = Json::array();
		for (const auto &page : device.pages)
			pages.push_back({ { "offset_bytes", page.offset_bytes },
					  { "size_bytes", page.size_bytes },
					  { "origin", page.origin } });
		json["devices"].push_back({ { "name", device.name },
					    { "path", node_path(device.name) },
					    { "retired_pages", std::move(pages) } });
	}
	json["warnings"] = findings_json(findings);
	return text_of(json);
}

std::string error_json(const Error &error)
{
	Json json = document("error");
	json["error"] = { { "code", error.code() },
			  { "exit", static_cast<int>(error.exit()) },
			  { "message", error.what() },
			  { "hint", or_null(error.hint()) } };
	return text_of(json);
}

} // namespace egm
