// SPDX-License-Identifier: GPL-2.0-or-later
// Memory that may be taken away at any time.
#pragma once

#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>

#include <unistd.h>

#include "unique_fd.hpp"

namespace programs {

/** Reading memory with SIGBUS as an answer. One per process. */
class Prober {
public:
	Prober()
	{
		struct sigaction action = {};
		action.sa_handler = [](int) { siglongjmp(back, 1); };
		e2e::check(sigaction(SIGBUS, &action, nullptr), "sigaction");
	}

	/** @return the byte, or -1 if the touch raised SIGBUS */
	static int read(const volatile std::uint8_t &byte)
	{
		if (sigsetjmp(back, 1))
			return -1;
		return byte;
	}

	/** @return how many pages of the memory can be read */
	static std::size_t readable_pages(std::span<const std::uint8_t> bytes)
	{
		const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
		std::size_t readable = 0;
		for (std::size_t offset = 0; offset < bytes.size(); offset += page)
			readable += read(bytes[offset]) >= 0;
		return readable;
	}

private:
	static inline thread_local sigjmp_buf back;
};

} // namespace programs
