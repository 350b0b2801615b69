// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

struct udev;
struct udev_monitor;

namespace egm {

/** A uevent of an EGM device. */
struct Uevent {
	std::string device; ///< its name
	std::map<std::string, std::string> properties;
};

/** Hears the uevents of EGM devices on the running system; in another tree there are none. */
class Uevents {
public:
	/** Throws Error when it cannot listen. */
	explicit Uevents(bool live);

	/** Those that have come; waits for one, so long at most. */
	std::vector<Uevent> wait(std::chrono::milliseconds limit);

private:
	template <class T>
	using Handle = std::unique_ptr<T, T *(*)(T *)>;
	Handle<struct udev> udev_;
	Handle<struct udev_monitor> monitor_;
};

} // namespace egm
