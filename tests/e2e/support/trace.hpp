// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace e2e {

/// Trace events of the kernel, for as long as it lives. One at a time.
class Trace {
public:
	struct Event {
		unsigned int cpu;
		/// Without the group
		std::string name;
		std::string text;

		/// NAME=NUMBER in the text; throws where there is none.
		std::int64_t number(const std::string &field) const;
	};

	/// Of these events: "group" or "group/event".
	explicit Trace(const std::vector<std::string> &events);
	Trace(const Trace &) = delete;
	Trace &operator=(const Trace &) = delete;
	~Trace();

	/// All so far.
	std::vector<Event> events() const;
	/// Those of one name.
	std::vector<Event> events(const std::string &name) const;

private:
	std::vector<std::string> switches_;
};

} // namespace e2e
