// SPDX-License-Identifier: GPL-2.0-or-later
#include "uevents.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <string_view>
#include <system_error>

namespace e2e {

Uevents::Uevents()
	: socket_(check(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       NETLINK_KOBJECT_UEVENT),
			"socket"))
{
	// Room for thousands that nobody has looked at yet
	const int bytes = 16 << 20;
	sockaddr_nl kernel = {};

	check(setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)),
	      "SO_RCVBUFFORCE");
	kernel.nl_family = AF_NETLINK;
	kernel.nl_groups = 1;
	check(bind(socket_.get(), reinterpret_cast<sockaddr *>(&kernel), sizeof(kernel)), "bind");
}

void Uevents::receive()
{
	std::array<char, 8192> buffer;
	ssize_t length;

	while ((length = recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0) {
		std::string_view text(buffer.data(), static_cast<std::size_t>(length));
		Event event;

		// "change@/devices/...", then "KEY=value", each with a NUL at its end
		while (!text.empty()) {
			const std::string_view line = text.substr(0, text.find('\0'));
			const std::size_t equals = line.find('=');

			if (equals != std::string_view::npos)
				event.emplace(line.substr(0, equals), line.substr(equals + 1));
			text.remove_prefix(std::min(text.size(), line.size() + 1));
		}
		events_.push_back(std::move(event));
	}
	// ENOBUFS: events were lost, and with them what a test wants to see.
	if (errno != EAGAIN)
		throw std::system_error(errno, std::generic_category(), "uevents");
}

std::vector<Uevents::Event> Uevents::where(const std::string &key, const std::string &value)
{
	std::vector<Event> found;

	receive();
	std::ranges::copy_if(events_, std::back_inserter(found), [&](const Event &event) {
		const auto place = event.find(key);
		return place != event.end() && place->second == value;
	});
	return found;
}

} // namespace e2e
