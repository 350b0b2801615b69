// SPDX-License-Identifier: GPL-2.0-or-later
#include "users.hpp"

#include "device_node.hpp"
#include "parse.hpp"
#include "parse_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>

namespace egm {

namespace {

constexpr std::size_t file_limit = 64 * 1024 * 1024; // maps of a large process

using Paths = std::set<std::string>;

// Ends that a process which is just going away gives to every read.
bool vanished(const Unknown &unknown)
{
	return unknown.why == Why::not_exported || unknown.why == Why::gone;
}

Reading<Paths> open_paths(const Tree &tree, const std::string &process)
{
	const auto directory = process + "/fd";
	const auto numbers = tree.list_directory(directory);
	if (!numbers)
		return numbers.unknown();
	Paths paths;
	for (const auto &number : *numbers) {
		const auto target = tree.read_link(directory + "/" + number);
		if (target)
			paths.insert(*target);
		else if (!vanished(target.unknown()))
			return target.unknown();
	}
	return paths;
}

// A mapping keeps the device when its file is closed.
Reading<Paths> mapped_paths(const Tree &tree, const std::string &process)
{
	return tree.read_file(process + "/maps", file_limit)
		.then([](const std::string &text) -> Reading<Paths> { return parse_maps(text); });
}

// A node that was removed, and perhaps made anew, is the device still for who opened it before.
bool have_node(const Paths &paths, const Device &device)
{
	const auto path = node_path(device.name);
	return paths.contains(path) || paths.contains(path + " (deleted)");
}

User describe(const Tree &tree, std::uint64_t pid, const std::string &process)
{
	User user;
	user.pid = pid;
	const auto comm = tree.read_file(process + "/comm", 4096);
	if (comm)
		user.comm = printable(comm->substr(0, comm->find('\n')));
	const auto arguments = tree.read_file(process + "/cmdline", 4 * 1024 * 1024);
	if (arguments)
		user.guest = parse_guest_name(*arguments);
	return user;
}

} // namespace

void find_users(const Tree &tree, Host &host)
{
	const auto give_up = [&](const Unknown &unknown) {
		for (auto &device : host.devices)
			device.users = unknown;
	};
	const auto processes = tree.list_directory("/proc");
	if (!processes)
		return give_up(processes.unknown());

	std::vector<std::vector<User>> users(host.devices.size());
	for (const auto &name : *processes) {
		const auto pid = parse_u64(name);
		if (!pid)
			continue;
		const auto process = "/proc/" + name;
		const auto opened = open_paths(tree, process);
		if (!opened && vanished(opened.unknown()))
			continue;
		if (!opened)
			return give_up(opened.unknown());
		const auto mapped = mapped_paths(tree, process);
		if (!mapped && !vanished(mapped.unknown()))
			return give_up(mapped.unknown());
		for (std::size_t i = 0; i < host.devices.size(); i++) {
			if (have_node(*opened, host.devices[i]) ||
			    (mapped && have_node(*mapped, host.devices[i])))
				users[i].push_back(describe(tree, *pid, process));
		}
	}
	for (std::size_t i = 0; i < users.size(); i++) {
		std::ranges::sort(users[i], {}, &User::pid);
		host.devices[i].users = users[i];
	}
}

} // namespace egm
