// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "unique_fd.hpp"

namespace e2e {

/// What the kernel says, from now on or since boot.
class KernelLog {
public:
	struct Record {
		/// 0 (emergency) to 7 (debug)
		int level;
		std::string text;
	};

	enum class Start { now, boot };

	explicit KernelLog(Start start = Start::now);

	/// All records from the start to this moment.
	const std::vector<Record> &records();
	/// How many of them contain `text`.
	std::size_t count(std::string_view text);

private:
	UniqueFd fd_;
	std::vector<Record> records_;
};

} // namespace e2e
