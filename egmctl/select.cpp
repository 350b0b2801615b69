// SPDX-License-Identifier: GPL-2.0-or-later
#include "select.hpp"

#include "error.hpp"
#include "parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace egm {

namespace {

std::string name_of(const std::string &argument)
{
	constexpr std::string_view directory = "/dev/";
	return argument.starts_with(directory) ? argument.substr(directory.size()) : argument;
}

bool belongs_to(const Gpu &gpu, const Device &device)
{
	if (gpu.device)
		return *gpu.device == device.name;
	return gpu.pxm && device.pxm && *gpu.pxm == *device.pxm;
}

} // namespace

Host select_devices(Host host, const std::vector<std::string> &names)
{
	if (names.empty())
		return host;

	std::set<std::string> wanted;
	for (const auto &argument : names) {
		const auto name = name_of(argument);
		if (std::ranges::find(host.devices, name, &Device::name) == host.devices.end())
			throw Error(Exit::no_such_device, "device_not_found",
				    fmt::format("{}: no such EGM device", printable(argument)),
				    "`egmctl list` names the devices and says why one is absent");
		wanted.insert(name);
	}
	std::erase_if(host.devices,
		      [&](const Device &device) { return !wanted.contains(device.name); });
	std::erase_if(host.gpus, [&](const Gpu &gpu) {
		return std::ranges::none_of(host.devices, [&](const Device &device) {
			return belongs_to(gpu, device);
		});
	});
	host.skipped.clear();
	host.stray_files.clear();
	return host;
}

} // namespace egm
