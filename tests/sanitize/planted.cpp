// SPDX-License-Identifier: GPL-2.0-or-later
// planted FAULT: a fault for each of the sanitizers, which must see it.
#include <climits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

int main(int argc, char **argv)
{
	const std::string_view fault = argc == 2 ? argv[1] : "";
	if (fault == "overrun") {
		const std::vector<char> bytes(static_cast<std::size_t>(argc));
		return bytes.data()[argc];
	}
	if (fault == "overflow")
		return INT_MAX - 1 + argc;
	if (fault == "leak") {
		std::make_unique<int>(argc).release();
		return 0;
	}
	if (fault == "assertion")
		return *std::optional<int>();
	return 2;
}
