// SPDX-License-Identifier: GPL-2.0-or-later
#include "wait.hpp"

namespace e2e {

bool wait_until(const std::function<bool()> &condition)
{
	auto deadline = std::chrono::steady_clock::now() + patience;

	while (!condition()) {
		if (std::chrono::steady_clock::now() > deadline)
			return false;
	}
	return true;
}

} // namespace e2e
