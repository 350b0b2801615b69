// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * uevent_watch COUNT: for each of COUNT regions that appear, one line: DEVNAME, MAJOR:MINOR and
 * what its sysfs directory held at the moment of the uevent. Says "ready" when it listens. It
 * spins: whatever the kernel adds after the uevent must not have the time to get there first.
 */
#include "descriptor.hpp"

#include <sys/socket.h>

#include <linux/netlink.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <string>

namespace {

/** The variables of an event: NAME=VALUE, each with a zero behind it. */
std::map<std::string, std::string> variables(const std::string &message)
{
	std::map<std::string, std::string> found;
	for (std::size_t start = 0; start < message.size();) {
		const std::string word = message.c_str() + start;
		const auto equals = word.find('=');
		if (equals != std::string::npos)
			found[word.substr(0, equals)] = word.substr(equals + 1);
		start += word.size() + 1;
	}
	return found;
}

void watch(int count)
{
	const programs::Descriptor events(socket(AF_NETLINK,
						 SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
						 NETLINK_KOBJECT_UEVENT),
					  "socket");
	sockaddr_nl address = {};
	address.nl_family = AF_NETLINK;
	address.nl_groups = 1;
	programs::check(bind(events.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)),
			"bind");
	std::cout << "ready" << std::endl;

	while (count > 0) {
		char buffer[8192];
		const auto length = recv(events.get(), buffer, sizeof(buffer), 0);
		if (length < 0)
			continue;
		auto event = variables({ buffer, static_cast<std::size_t>(length) });
		if (event["ACTION"] != "add" || event["SUBSYSTEM"] != "egm")
			continue;
		std::string line = event["DEVNAME"] + ' ' + event["MAJOR"] + ':' + event["MINOR"];
		for (const auto &entry :
		     std::filesystem::directory_iterator("/sys" + event["DEVPATH"]))
			line += ' ' + entry.path().filename().string();
		std::cout << line << std::endl;
		count--;
	}
}

} // namespace

int main(int, char **argv)
{
	try {
		watch(std::stoi(argv[1]));
	} catch (const std::exception &error) {
		std::cout << error.what() << std::endl;
		return 1;
	}
	return 0;
}
