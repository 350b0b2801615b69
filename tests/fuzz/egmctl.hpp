// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <vector>

/** A recorded host, where a target is started: tests/fuzz/seeds.py. */
inline constexpr const char *recorded_host = "host";

/**
 * Runs egmctl on the recorded host, in this process, and requires what holds for every run: it
 * ends, in nothing but an egm::Error if not well, and says nothing that could harm a terminal or a
 * reader of JSON.
 */
void egmctl(std::vector<std::string> arguments);
