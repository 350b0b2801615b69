// SPDX-License-Identifier: GPL-2.0-or-later
#include "trace.hpp"

#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "kernel_file.hpp"

namespace e2e {

static const std::string tracing = "/sys/kernel/tracing/";

std::int64_t Trace::Event::number(const std::string &field) const
{
	std::smatch match;

	if (!std::regex_search(text, match, std::regex("(^| )" + field + "=(-?[0-9]+)( |$)")))
		throw std::runtime_error("no " + field + " in: " + text);
	return std::stoll(match[2]);
}

Trace::Trace(const std::vector<std::string> &events)
{
	write_text(tracing + "trace", "\n");
	for (const std::string &event : events) {
		switches_.push_back(tracing + "events/" + event + "/enable");
		write_text(switches_.back(), "1");
	}
}

Trace::~Trace()
{
	for (const std::string &name : switches_)
		std::ofstream(name) << "0";
}

std::vector<Trace::Event> Trace::events() const
{
	// "  kworker/u9:1-77      [002] d..1.    12.345678: name: text"
	static const std::regex form(R"(^.*\[([0-9]+)\] \S+ +[0-9.]+: (\w+): (.*)$)");
	std::istringstream lines(text_of(tracing + "trace"));
	std::vector<Event> found;
	std::smatch match;

	for (std::string line; std::getline(lines, line);) {
		if (std::regex_match(line, match, form))
			found.push_back({ static_cast<unsigned int>(std::stoul(match[1])), match[2],
					  match[3] });
	}
	return found;
}

std::vector<Trace::Event> Trace::events(const std::string &name) const
{
	std::vector<Event> found = events();

	std::erase_if(found, [&](const Event &event) { return event.name != name; });
	return found;
}

} // namespace e2e
