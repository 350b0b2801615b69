// SPDX-License-Identifier: GPL-2.0-or-later
// A uevent, laid out as the kernel sends it: a name, then KEY=VALUE, each up to a zero byte.
#include "events.hpp"
#include "json.hpp"
#include "parse.hpp"

#include "fuzz.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace egm;

void fuzz(std::string_view text)
{
	const auto next = [&] {
		const auto word = text.substr(0, text.find('\0'));
		text.remove_prefix(std::min(word.size() + 1, text.size()));
		return std::string(word);
	};
	const auto device = next();
	std::map<std::string, std::string> properties;
	while (!text.empty()) {
		const auto word = next();
		const auto equals = word.find('=');
		if (equals != word.npos)
			properties[word.substr(0, equals)] = word.substr(equals + 1);
	}
	const auto event = poison_event(device, properties);
	if (!event)
		return;
	require(parse_device_name(event->device) && event->page);
	const auto line = event_line("now", *event);
	require(line.find('\n') == line.size() - 1);
	require(nlohmann::json::accept(event_json("now", *event)));
}
