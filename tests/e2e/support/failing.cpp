// SPDX-License-Identifier: GPL-2.0-or-later
#include "failing.hpp"

#include <cstdint>
#include <format>
#include <fstream>
#include <set>
#include <stdexcept>

namespace e2e {

Failing::Within::Within(const std::string &function, Calls calls)
{
	std::ifstream symbols("/proc/kallsyms");
	std::set<std::uint64_t> addresses;
	std::uint64_t address, start = 0;
	std::string type, name, rest;

	while (symbols >> std::hex >> address >> type >> name && std::getline(symbols, rest)) {
		addresses.insert(address);
		if (name == function)
			start = address;
	}
	if (!start)
		throw std::runtime_error("the kernel has no function " + function);
	const std::uint64_t end = *addresses.upper_bound(start);
	const std::string which = calls == Calls::fail ? "/require-" : "/reject-";
	for (const std::string kind : { "failslab", "fail_page_alloc", "fail_usercopy" })
		for (const auto &[bound, value] :
		     { std::pair{ "start", start }, std::pair{ "end", end } })
			settings_.push_back(std::make_unique<Setting>(
				debugfs + kind + which + bound, std::format("{:#x}", value)));
}

} // namespace e2e
