// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <utility>

#include "unique_fd.hpp"

namespace e2e {

/// Shared memory mapped until it goes out of scope; the constructor throws where mmap(2) fails.
class Mapping {
public:
	Mapping() = default;
	Mapping(const UniqueFd &fd, std::uint64_t length, std::uint64_t offset = 0,
		int protection = PROT_READ | PROT_WRITE)
		: Mapping(fd.get(), length, offset, protection, MAP_SHARED)
	{
	}
	/// Memory of no file.
	static Mapping anonymous(std::uint64_t length)
	{
		return { -1, length, 0, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS };
	}
	Mapping(Mapping &&other) noexcept
		: address_(std::exchange(other.address_, MAP_FAILED)),
		  length_(std::exchange(other.length_, 0))
	{
	}
	Mapping &operator=(Mapping &&other) noexcept
	{
		std::swap(address_, other.address_);
		std::swap(length_, other.length_);
		return *this;
	}
	~Mapping()
	{
		if (address_ != MAP_FAILED)
			munmap(address_, length_);
	}

	/// Moves it to another place of the kernel's choice.
	void move()
	{
		void *place = mmap(nullptr, length_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (place == MAP_FAILED ||
		    mremap(address_, length_, length_, MREMAP_MAYMOVE | MREMAP_FIXED, place) ==
			    MAP_FAILED)
			throw std::system_error(errno, std::generic_category(), "mremap");
		address_ = place;
	}

	std::byte *data() const { return static_cast<std::byte *>(address_); }
	std::uint64_t *word(std::uint64_t offset) const
	{
		return reinterpret_cast<std::uint64_t *>(data() + offset);
	}
	std::span<std::uint64_t> words() const { return { word(0), length_ / 8 }; }
	std::span<std::uint8_t> bytes() const
	{
		return { static_cast<std::uint8_t *>(address_), length_ };
	}

private:
	Mapping(int fd, std::uint64_t length, std::uint64_t offset, int protection, int flags)
		: address_(
			  mmap(nullptr, length, protection, flags, fd, static_cast<off_t>(offset))),
		  length_(length)
	{
		if (address_ == MAP_FAILED)
			throw std::system_error(errno, std::generic_category(), "mmap");
	}

	void *address_ = MAP_FAILED;
	std::uint64_t length_ = 0;
};

} // namespace e2e
