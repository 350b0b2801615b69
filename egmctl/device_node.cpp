// SPDX-License-Identifier: GPL-2.0-or-later
#include "device_node.hpp"

#include <sys/sysmacros.h>

namespace egm {

std::string node_path(std::string_view device)
{
	return "/dev/" + std::string(device);
}

Reading<Node> judge_node(const Reading<struct stat> &status, const Reading<DeviceNumber> &number)
{
	if (!status) {
		if (status.unknown().why == Why::not_exported)
			return Node::missing;
		return status.unknown();
	}
	if (S_ISREG(status->st_mode))
		return Node::regular_file;
	if (!S_ISCHR(status->st_mode))
		return Node::not_a_device;
	if (!number)
		return number.unknown();
	const DeviceNumber found{ major(status->st_rdev), minor(status->st_rdev) };
	return found == *number ? Node::ok : Node::other_device;
}

} // namespace egm
