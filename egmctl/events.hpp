// SPDX-License-Identifier: GPL-2.0-or-later
// What happens to EGM devices: plain values, and a pure function that finds them between two looks.
#pragma once

#include "device.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace egm {

/** Something that happened to a device. */
struct Event {
	std::string kind; ///< "added", "removed", "state", "poison", "gpu-added", "gpu-removed"
	std::string device;
	std::string state;		 ///< the new one, for added and state
	std::string gpu;		 ///< its address
	std::optional<RetiredPage> page; ///< for poison
	bool operator==(const Event &) const = default;
};

/** The kinds of events, for `watch --until`. */
inline const std::vector<std::string> event_kinds = { "added",	"removed",   "state",
						      "poison", "gpu-added", "gpu-removed" };

/** One look at a host. */
struct Look {
	Host host;
	std::map<std::string, std::vector<RetiredPage>> retired; ///< by device
};

/** What happened between two looks, by device. */
std::vector<Event> events_between(const Look &before, const Look &after);

/** The event of the driver's uevent about a page that failed; none for other uevents. */
std::optional<Event> poison_event(const std::string &device,
				  const std::map<std::string, std::string> &properties);

/** "2026-11-22T05:07:11Z egm4 poison offset=0x1f400000 size=0x10000". */
std::string event_line(const std::string &time, const Event &event);

} // namespace egm
