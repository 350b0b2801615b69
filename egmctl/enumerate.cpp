// SPDX-License-Identifier: GPL-2.0-or-later
#include "enumerate.hpp"

#include "error.hpp"

#include <fmt/format.h>
#include <libudev.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace egm {

namespace {

std::vector<std::string> names_from_udev(struct udev *udev, const char *subsystem)
{
	const std::unique_ptr<udev_enumerate, decltype(&udev_enumerate_unref)> scan(
		udev_enumerate_new(udev), udev_enumerate_unref);
	int error = scan ? 0 : -errno;
	if (!error)
		error = udev_enumerate_add_match_subsystem(scan.get(), subsystem);
	if (!error)
		error = udev_enumerate_scan_devices(scan.get());
	if (error < 0)
		throw Error(Exit::internal, "enumeration_failed",
			    fmt::format("cannot enumerate {} devices: {}", subsystem,
					std::strerror(-error)));

	std::vector<std::string> names;
	struct udev_list_entry *entry;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(scan.get()))
	{
		const std::string path = udev_list_entry_get_name(entry);
		names.push_back(path.substr(path.rfind('/') + 1));
	}
	std::ranges::sort(names);
	return names;
}

std::vector<std::string> names_from_directory(const Tree &tree, const std::string &path)
{
	const auto names = tree.list_directory(path);
	if (names)
		return *names;
	const auto &unknown = names.unknown();
	if (unknown.why == Why::not_exported)
		return {};
	if (unknown.why == Why::permission)
		throw Error(Exit::permission, "permission_denied", unknown.detail);
	throw Error(Exit::internal, "enumeration_failed", unknown.detail);
}

} // namespace

Names enumerate(const Tree &tree)
{
	if (!tree.live())
		return { names_from_directory(tree, "/sys/class/egm"),
			 names_from_directory(tree, "/sys/bus/pci/devices") };

	const std::unique_ptr<struct udev, decltype(&udev_unref)> udev(udev_new(), udev_unref);
	if (!udev)
		throw Error(Exit::internal, "enumeration_failed", "cannot set up libudev");
	return { names_from_udev(udev.get(), "egm"), names_from_udev(udev.get(), "pci") };
}

} // namespace egm
