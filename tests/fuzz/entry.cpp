// SPDX-License-Identifier: GPL-2.0-or-later
// From libFuzzer to a target.
#include "fuzz.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	fuzz({ reinterpret_cast<const char *>(data), size });
	return 0;
}
