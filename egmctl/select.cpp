// SPDX-License-Identifier: GPL-2.0-or-later
#include "select.hpp"

#include "error.hpp"
#include "parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace egm {

namespace {

using Match = std::function<bool(const Device &)>;

bool belongs_to(const Gpu &gpu, const Device &device)
{
	if (gpu.device)
		return *gpu.device == device.name;
	return gpu.pxm && device.pxm && *gpu.pxm == *device.pxm;
}

[[noreturn]] void reject(const std::string &selector)
{
	throw Error(Exit::usage, "usage",
		    fmt::format("{}: not a device or a filter", printable(selector)),
		    "egm4, /dev/egm4, pxm=4 or gpu=0008:01:00.0");
}

Match filter(const std::string &selector, const std::string &key, const std::string &value)
{
	if (key == "pxm") {
		const auto pxm = parse_u64(value);
		if (!pxm)
			reject(selector);
		// Every driver puts the number in the name, only this project's has the file too.
		return [pxm](const Device &device) {
			return (device.pxm ? *device.pxm : parse_device_name(device.name)) == pxm;
		};
	}
	const auto address = parse_typed_pci_address(value);
	if (key != "gpu" || !address)
		reject(selector);
	return [address](const Device &device) {
		return std::ranges::find(device.gpus, *address) != device.gpus.end();
	};
}

Match match_of(const Host &host, const std::string &selector, Missing missing)
{
	const auto equals = selector.find('=');
	if (equals != selector.npos)
		return filter(selector, selector.substr(0, equals), selector.substr(equals + 1));

	constexpr std::string_view directory = "/dev/";
	const auto name =
		selector.starts_with(directory) ? selector.substr(directory.size()) : selector;
	if (missing == Missing::error && !find_device(host, name))
		throw Error(Exit::no_such_device, "device_not_found",
			    fmt::format("{}: no such EGM device", printable(selector)),
			    "`egmctl list` names the devices and says why one is absent");
	return [name](const Device &device) { return device.name == name; };
}

} // namespace

Host select_devices(Host host, const std::vector<std::string> &selectors, Missing missing)
{
	if (selectors.empty())
		return host;

	std::vector<Match> matches;
	for (const auto &selector : selectors)
		matches.push_back(match_of(host, selector, missing));
	std::erase_if(host.devices, [&](const Device &device) {
		return std::ranges::none_of(matches,
					    [&](const Match &match) { return match(device); });
	});
	std::erase_if(host.gpus, [&](const Gpu &gpu) {
		return std::ranges::none_of(host.devices, [&](const Device &device) {
			return belongs_to(gpu, device);
		});
	});
	host.skipped.clear();
	host.stray_files.clear();
	host.narrowed = true;
	return host;
}

} // namespace egm
