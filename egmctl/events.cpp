// SPDX-License-Identifier: GPL-2.0-or-later
#include "events.hpp"

#include "parse.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace egm {

namespace {

std::string state_of(const Device &device)
{
	return device.state ? *device.state : "";
}

void compare_gpus(const Device &before, const Device &after, std::vector<Event> &events)
{
	const auto missing = [&](const char *kind, const auto &from, const auto &in) {
		for (const auto &gpu : from)
			if (std::ranges::find(in, gpu) == in.end())
				events.push_back({ kind, after.name, {}, gpu, {} });
	};
	missing("gpu-removed", before.gpus, after.gpus);
	missing("gpu-added", after.gpus, before.gpus);
}

void compare_pages(const std::string &device, const Look &before, const Look &after,
		   std::vector<Event> &events)
{
	const auto now = after.retired.find(device);
	const auto then = before.retired.find(device);
	if (now == after.retired.end() || then == before.retired.end())
		return;
	for (const auto &page : now->second)
		if (page.origin == "runtime" &&
		    std::ranges::find(then->second, page) == then->second.end())
			events.push_back({ "poison", device, {}, {}, page });
}

} // namespace

std::vector<Event> events_between(const Look &before, const Look &after)
{
	std::vector<Event> events;
	for (const auto &device : before.host.devices)
		if (!find_device(after.host, device.name))
			events.push_back({ "removed", device.name, {}, {}, {} });
	for (const auto &device : after.host.devices) {
		const auto *old = find_device(before.host, device.name);
		if (!old) {
			events.push_back({ "added", device.name, state_of(device), {}, {} });
			continue;
		}
		compare_gpus(*old, device, events);
		compare_pages(device.name, before, after, events);
		if (device.state && state_of(*old) != *device.state)
			events.push_back({ "state", device.name, *device.state, {}, {} });
	}
	return events;
}

std::optional<Event> poison_event(const std::string &device,
				  const std::map<std::string, std::string> &properties)
{
	const auto number = [&](const char *key) -> std::optional<std::uint64_t> {
		const auto found = properties.find(key);
		return found == properties.end() ? std::nullopt : parse_u64(found->second);
	};
	const auto kind = properties.find("EGM_EVENT");
	const auto offset = number("OFFSET");
	const auto size = number("SIZE");
	if (kind == properties.end() || kind->second != "poison" || !offset || !size ||
	    !parse_device_name(device))
		return std::nullopt;
	return Event{ "poison", device, {}, {}, RetiredPage{ *offset, *size, "runtime" } };
}

std::string event_line(const std::string &time, const Event &event)
{
	std::string line = fmt::format("{} {} {}", time, event.device, event.kind);
	if (!event.state.empty())
		line += fmt::format(" state={}", event.state);
	if (!event.gpu.empty())
		line += fmt::format(" gpu={}", event.gpu);
	if (event.page)
		line += fmt::format(" offset={:#x} size={:#x}", event.page->offset_bytes,
				    event.page->size_bytes);
	return line + "\n";
}

} // namespace egm
