// SPDX-License-Identifier: GPL-2.0-or-later
#include "uevents.hpp"

#include "error.hpp"

#include <libudev.h>

#include <poll.h>

namespace egm {

Uevents::Uevents(bool live) : udev_(nullptr, udev_unref), monitor_(nullptr, udev_monitor_unref)
{
	if (!live)
		return;
	udev_.reset(udev_new());
	if (udev_)
		monitor_.reset(udev_monitor_new_from_netlink(udev_.get(), "udev"));
	if (!monitor_ ||
	    udev_monitor_filter_add_match_subsystem_devtype(monitor_.get(), "egm", nullptr) < 0 ||
	    udev_monitor_enable_receiving(monitor_.get()) < 0)
		throw Error(Exit::internal, "no_uevents", "cannot listen to uevents");
}

std::vector<Uevent> Uevents::wait(std::chrono::milliseconds limit)
{
	struct pollfd poller = { monitor_ ? udev_monitor_get_fd(monitor_.get()) : -1, POLLIN, 0 };
	if (poll(&poller, 1, static_cast<int>(limit.count())) <= 0)
		return {};
	std::vector<Uevent> events;
	for (;;) {
		const Handle<struct udev_device> device(udev_monitor_receive_device(monitor_.get()),
							udev_device_unref);
		if (!device)
			return events;
		Uevent event{ udev_device_get_sysname(device.get()), {} };
		struct udev_list_entry *entry;
		udev_list_entry_foreach(entry, udev_device_get_properties_list_entry(device.get()))
		{
			const char *value = udev_list_entry_get_value(entry);
			event.properties[udev_list_entry_get_name(entry)] = value ? value : "";
		}
		events.push_back(std::move(event));
	}
}

} // namespace egm
