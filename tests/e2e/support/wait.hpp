// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>

namespace e2e {

/// Ample for anything that a test waits for: reaching it is a failure, not a slow machine.
constexpr std::chrono::seconds patience{ 60 };

/// Asks again and again, without a pause; false when patience has ended.
bool wait_until(const std::function<bool()> &condition);

} // namespace e2e
