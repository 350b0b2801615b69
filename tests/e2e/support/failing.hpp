// SPDX-License-Identifier: GPL-2.0-or-later
// Allocations, and copies from and to user space, that fail one after the other. Not in every
// kernel.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kernel_file.hpp"
#include "unique_fd.hpp"

namespace e2e {

/// By order of the thread itself.
class Failing {
public:
	static constexpr const char *debugfs = "/sys/kernel/debug/";
	static constexpr std::array<const char *, 2> allocators = { "failslab/",
								    "fail_page_alloc/" };

	static bool supported() { return access(nth, F_OK) == 0; }

	/// No kind of allocation is spared, and nobody is told.
	static void set_up()
	{
		if (!supported()) {
			// Debian's kernels have none of it: that is all there is to say.
			EXPECT_FALSE(std::string(std::getenv("EGM_KERNEL")).starts_with("debug"));
			EXPECT_NE(access((debugfs + std::string("failslab")).c_str(), F_OK), 0);
			return;
		}
		for (const std::string kind : allocators) {
			write_text(debugfs + kind + "verbose", "0");
			write_text(debugfs + kind + "ignore-gfp-wait", "N");
		}
		write_text(debugfs + std::string("fail_usercopy/verbose"), "0");
		write_text(debugfs + std::string("fail_page_alloc/min-order"), "0");
	}

	enum class Calls { fail, are_spared };

	/// As long as it lives, only what a function of the kernel's calls fails, or all else.
	class Within {
	public:
		Within(const std::string &function, Calls calls);

	private:
		std::vector<std::unique_ptr<Setting>> settings_;
	};

	/// What a call may say of it.
	static bool expected(int error) { return error == ENOMEM || error == EFAULT; }

	/// Calls something again and again, the first time with its first allocation or copy from
	/// or to user space failing, then with the second, until it has no more. `judge` gets the
	/// result, errno and which one it was. @return how many failed
	template <class Call, class Judge>
	static unsigned int each_chance(const Call &call, const Judge &judge)
	{
		for (unsigned int failing = 1;; failing++) {
			UniqueFd file = open_file(nth, O_RDWR);
			std::array<char, 16> rest = {};
			const std::string number = std::to_string(failing);

			check(pwrite(file.get(), number.data(), number.size(), 0), nth);
			auto result = call();
			const int error = errno;
			// These copy, too: one that fails has found the call at its end.
			const bool over = pread(file.get(), rest.data(), rest.size() - 1, 0) < 0 ||
					  std::atoi(rest.data()) > 0;
			if (pwrite(file.get(), "0", 1, 0) < 0)
				check(pwrite(file.get(), "0", 1, 0), nth);
			judge(std::move(result), error, failing);
			if (over)
				return failing - 1;
		}
	}

private:
	static constexpr const char *nth = "/proc/self/fail-nth";
};

} // namespace e2e
