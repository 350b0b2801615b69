// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "unique_fd.hpp"

namespace e2e {

/// What the kernel tells user space of its devices, from now on.
class Uevents {
public:
	using Event = std::map<std::string, std::string>;

	Uevents();

	/// All events from the start to this moment of which `key` is `value`.
	std::vector<Event> where(const std::string &key, const std::string &value);

private:
	void receive();

	UniqueFd socket_;
	std::vector<Event> events_;
};

} // namespace e2e
