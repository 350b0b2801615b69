// SPDX-License-Identifier: GPL-2.0-or-later
#include "json.hpp"

#include "device_node.hpp"
#include "reasons.hpp"
#include "render.hpp"
#include "version.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace egm {

namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const Reading<T> &reading)
{
	return reading ? Json(*reading) : Json(nullptr);
}

Json module_json(const Module &module)
{
	return { { "loaded", module.loaded }, { "version", or_null(module.version) } };
}

Json host_part(const Host *host)
{
	if (!host)
		return nullptr;
	return { { "kernel", or_null(host->machine.kernel) },
		 { "architecture", or_null(host->machine.arch) },
		 { "page_size_bytes", or_null(host->machine.page_size) },
		 { "privileged", or_null(host->machine.privileged) },
		 { "nvgrace_egm", module_json(host->egm_module) },
		 { "nvgrace_gpu_vfio_pci", module_json(host->gpu_module) } };
}

Json document(const std::string &name, const Host *host)
{
	return { { "schema", "egmctl." + name },
		 { "schema_version", 1 },
		 { "egmctl_version", version },
		 { "host", host_part(host) } };
}

// An empty text is no text.
Json or_null(std::string_view text)
{
	return text.empty() ? Json(nullptr) : Json(text);
}

Json address_or_null(const Reading<std::uint64_t> &address)
{
	return address ? Json(fmt::format("{:#x}", *address)) : Json(nullptr);
}

Json users_json(const Reading<std::vector<User>> &users)
{
	if (!users)
		return nullptr;
	Json list = Json::array();
	for (const auto &user : *users)
		list.push_back({ { "pid", user.pid },
				 { "comm", user.comm },
				 { "guest", or_null(user.guest) } });
	return list;
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
		{ "dialect", device.dialect ? Json(dialect_word(*device.dialect)) : Json(nullptr) },
		{ "base", address_or_null(device.base) },
		{ "socket", or_null(device.socket) },
		{ "mapping_size_bytes", or_null(device.mapping_size) },
		{ "cleared_bytes", or_null(device.cleared_bytes) },
		{ "clear_time_ms", or_null(device.clear_time_ms) },
		{ "poison_count", or_null(device.poison_count) },
		{ "poison", or_null(device.poison) },
		{ "mode",
		  device.owner ? Json(fmt::format("{:04o}", device.owner->mode)) : Json(nullptr) },
		{ "uid", device.owner ? Json(device.owner->uid) : Json(nullptr) },
		{ "gid", device.owner ? Json(device.owner->gid) : Json(nullptr) },
		{ "in_use_by", users_json(device.users) },
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
		{ "base", address_or_null(gpu.base) },
		{ "numa_node", or_null(gpu.numa_node) },
		{ "iommu_group", or_null(gpu.iommu_group) },
		{ "vfio_device", or_null(gpu.vfio_device) },
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

std::string line_of(const Json &json)
{
	return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Lines are many and have one shape: no host part, and all keys in each.
Json watch_line(const std::string &time, const Event &event)
{
	return { { "schema", "egmctl.watch" },
		 { "schema_version", 1 },
		 { "egmctl_version", version },
		 { "time", time },
		 { "event", event.kind },
		 { "device", or_null(event.device) },
		 { "state", or_null(event.state) },
		 { "gpu", or_null(event.gpu) },
		 { "offset_bytes", event.page ? Json(event.page->offset_bytes) : Json(nullptr) },
		 { "size_bytes", event.page ? Json(event.page->size_bytes) : Json(nullptr) },
		 { "devices", Json::array() } };
}

} // namespace

std::string host_json(const std::string &command, const Host &host,
		      const std::vector<Finding> &findings)
{
	Json json = document(command, &host);
	json["devices"] = Json::array();
	for (const auto &device : host.devices)
		json["devices"].push_back(device_json(device));
	json["gpus"] = Json::array();
	for (const auto &gpu : host.gpus)
		json["gpus"].push_back(gpu_json(gpu));
	json["warnings"] = findings_json(findings);
	return text_of(json);
}

std::string retired_pages_json(const Host &host, const std::vector<RetiredPages> &devices,
			       const std::vector<Finding> &findings)
{
	Json json = document("retired-pages", &host);
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

std::string validate_json(const Host &host, const Surroundings &around,
			  const std::vector<Outcome> &outcomes)
{
	Json json = document("validate", &host);
	json["kernel"] = or_null(around.release);
	json["checks"] = Json::array();
	for (const auto &[check, result] : outcomes) {
		Json evidence = Json::object();
		for (const auto &[name, value] : result.evidence)
			evidence[name] = value;
		json["checks"].push_back({ { "id", check->id },
					   { "group", check->group() },
					   { "status", verdict_word(result.verdict) },
					   { "subject", or_null(result.about) },
					   { "message", result.message },
					   { "fix", or_null(result.fix) },
					   { "evidence", std::move(evidence) } });
	}
	const auto summary = summarize(outcomes);
	json["summary"] = { { "pass", summary.pass },
			    { "info", summary.info },
			    { "warn", summary.warn },
			    { "fail", summary.fail },
			    { "skip", summary.skip } };
	return text_of(json);
}

std::string list_checks_json(const Host &host, const std::vector<const Check *> &checks)
{
	Json json = document("list-checks", &host);
	json["checks"] = Json::array();
	for (const auto *check : checks)
		json["checks"].push_back({ { "id", check->id },
					   { "group", check->group() },
					   { "title", check->title },
					   { "needs_root", check->needs_root },
					   { "after", check->after } });
	return text_of(json);
}

std::string vm_config_json(const Host &host, const VmPlan &plan, const VmForm &form,
			   const std::vector<std::string> &arguments, const std::string &text,
			   const std::vector<SetupStep> &setup,
			   const std::vector<Finding> &findings)
{
	Json json = document("vm-config", &host);
	json["format"] = form.format;
	json["part"] = form.part;
	json["memory"] = Json::array();
	for (std::size_t node = 0; node < plan.memory.size(); node++)
		json["memory"].push_back(
			{ { "device", plan.memory[node].device },
			  { "path", node_path(plan.memory[node].device) },
			  { "size_bytes", plan.memory[node].size_bytes },
			  { "align_bytes", or_null(plan.memory[node].align_bytes) },
			  { "node", node } });
	json["gpus"] = Json::array();
	for (const auto &gpu : plan.gpus)
		json["gpus"].push_back({ { "pci_address", gpu.address },
					 { "id", gpu.id },
					 { "node", gpu.node },
					 { "own_nodes", gpu.own_nodes } });
	json["arguments"] = arguments;
	json["text"] = text;
	json["host_setup"] = Json::array();
	for (const auto &step : setup)
		json["host_setup"].push_back({ { "purpose", step.purpose },
					       { "file", or_null(step.file) },
					       { "lines", step.lines } });
	json["warnings"] = findings_json(findings);
	return text_of(json);
}

std::string metrics_json(const Host &host, const std::string &text, const std::string &file)
{
	Json json = document("metrics", &host);
	json["text"] = text;
	json["file"] = or_null(file);
	return text_of(json);
}

std::string snapshot_json(const std::string &time, const Host &host)
{
	Json json = watch_line(time, { "snapshot", {}, {}, {}, {} });
	for (const auto &device : host.devices)
		json["devices"].push_back({ { "name", device.name },
					    { "state", or_null(device.state) },
					    { "poison_count", or_null(device.poison_count) },
					    { "gpus", device.gpus } });
	return line_of(json);
}

std::string event_json(const std::string &time, const Event &event)
{
	return line_of(watch_line(time, event));
}

std::string error_json(const Error &error)
{
	Json json = document("error", nullptr);
	json["error"] = { { "code", error.code() },
			  { "exit", static_cast<int>(error.exit()) },
			  { "message", error.what() },
			  { "hint", or_null(error.hint()) } };
	return line_of(json);
}

} // namespace egm
