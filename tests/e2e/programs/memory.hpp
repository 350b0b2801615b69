// SPDX-License-Identifier: GPL-2.0-or-later
// Mapped memory that may be taken away at any time.
#pragma once

#include "descriptor.hpp"

#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/mman.h>

namespace programs {

/** Bytes mapped into this process; unmapped when it goes. */
class Mapping {
public:
	Mapping() = default;
	/** @param fd -1 for anonymous memory */
	Mapping(int fd, std::size_t length, off_t offset = 0)
		: start_(mmap(nullptr, length, PROT_READ | PROT_WRITE,
			      MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, offset)),
		  length_(length)
	{
		if (start_ == MAP_FAILED)
			throw std::system_error(errno, std::generic_category(), "mmap");
	}
	Mapping(Mapping &&other) noexcept
		: start_(std::exchange(other.start_, MAP_FAILED)),
		  length_(std::exchange(other.length_, 0))
	{
	}
	Mapping &operator=(Mapping &&other) noexcept
	{
		std::swap(start_, other.start_);
		std::swap(length_, other.length_);
		return *this;
	}
	~Mapping()
	{
		if (start_ != MAP_FAILED)
			munmap(start_, length_);
	}

	std::span<std::uint8_t> bytes() const
	{
		return { static_cast<std::uint8_t *>(start_), length_ };
	}

private:
	void *start_ = MAP_FAILED;
	std::size_t length_ = 0;
};

/** Reading memory with SIGBUS as an answer. One per process. */
class Prober {
public:
	Prober()
	{
		struct sigaction action = {};
		action.sa_handler = [](int) { siglongjmp(back, 1); };
		check(sigaction(SIGBUS, &action, nullptr), "sigaction");
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
