// SPDX-License-Identifier: GPL-2.0-or-later
// Which places of our modules the calls of this thread get to, where the kernel tells (KCOV).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

#include "mapping.hpp"
#include "unique_fd.hpp"

namespace programs {

class Kcov {
public:
	/** Nothing where the kernel has no KCOV. */
	static std::optional<Kcov> start();

	/** Takes what was recorded since the last time; @return whether some of it is new. */
	bool collect();

	std::size_t places() const { return places_.size(); }

private:
	Kcov();
	bool add(std::uint64_t address);

	e2e::UniqueFd file_;
	e2e::Mapping record_;
	std::unordered_set<std::uint64_t> addresses_;
	/** Module and offset: a module that is loaded again has other addresses. */
	std::set<std::pair<std::string, std::uint64_t>> places_;
};

} // namespace programs
