// SPDX-License-Identifier: GPL-2.0-or-later
#include "unique_fd.hpp"

#include <cerrno>

namespace e2e {

void UniqueFd::reset()
{
	int saved = errno;

	if (fd_ >= 0)
		close(std::exchange(fd_, -1));
	errno = saved;
}

} // namespace e2e
