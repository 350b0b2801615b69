// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mapping.hpp"
#include "unique_fd.hpp"

namespace e2e {

constexpr std::uint64_t granule = 65536;

/// A socket's memory, as the description of the host (EGM_HOST) has it.
struct Region {
	/// The socket in the description, with what it says beside the members below.
	nlohmann::json description;
	unsigned int pxm;
	std::uint64_t size;
	/// Offsets of the granules that firmware retired, as they are listed there.
	std::vector<std::uint64_t> retired;

	std::string name() const { return "egm" + std::to_string(pxm); }
	std::string node() const { return "/dev/" + name(); }
	std::string sysfs(const std::string &attribute) const
	{
		return "/sys/class/egm/" + name() + "/" + attribute;
	}
	/// Text of an attribute, without the newline at its end.
	std::string attribute(const std::string &attribute) const;
	std::string state() const { return attribute("state"); }

	/// open(2) of the node: without a descriptor, errno says why.
	UniqueFd open(int flags) const;
	/// How GoogleTest shows one.
	friend void PrintTo(const Region &region, std::ostream *stream)
	{
		*stream << region.name();
	}

	/// What open(2) fails with, 0 if it does not.
	int open_error(int flags) const;
	/// Becomes the owner; throws when that fails.
	UniqueFd own() const;
	/// The same as soon as the owner, who was killed, is gone.
	UniqueFd take_over() const;
};

/// All of the host's, in the order of the description.
std::vector<Region> regions();

/// Takes a region away from its driver; whoever has it has nothing. It comes back in the end.
class Removal {
public:
	explicit Removal(const Region &region);
	Removal(const Removal &) = delete;
	Removal &operator=(const Removal &) = delete;
	~Removal();

private:
	const std::string driver_ = "/sys/bus/auxiliary/drivers/nvgrace_egm.egm/";
	std::string device_;
};

/// mmap(2) by its system call, as the C library refuses some arguments; MAP_FAILED and errno.
void *map(int fd, std::uint64_t length, std::uint64_t offset, int protection, int flags,
	  void *address = nullptr);

/// What mmap(2) fails with, 0 if it does not.
int map_error(int fd, std::uint64_t length, std::uint64_t offset,
	      int protection = PROT_READ | PROT_WRITE, int flags = MAP_SHARED);

/// The word that a test leaves at `offset`: no other place has it, and it is not 0.
constexpr std::uint64_t mark(std::uint64_t offset)
{
	return 0xe6e6'0000'0000'0000 | offset;
}

/// Marks every word of a mapping that starts at `offset` of the region.
void fill(const Mapping &mapping, std::uint64_t offset = 0);

/// Whether every word is marked as fill() does it.
testing::AssertionResult filled(const Mapping &mapping, std::uint64_t offset = 0);

/// Whether every byte of the whole region is zero, except in its retired granules.
testing::AssertionResult cleared(const Region &region, const Mapping &whole);

} // namespace e2e
