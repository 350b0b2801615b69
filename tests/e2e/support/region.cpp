// SPDX-License-Identifier: GPL-2.0-or-later
#include "region.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <format>
#include <fstream>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "kernel_file.hpp"
#include "wait.hpp"

namespace e2e {

std::string Region::attribute(const std::string &attribute) const
{
	std::ifstream file(sysfs(attribute));
	std::string line;

	if (!std::getline(file, line))
		throw std::runtime_error("cannot read " + sysfs(attribute));
	return line;
}

UniqueFd Region::open(int flags) const
{
	return UniqueFd(::open(node().c_str(), flags | O_CLOEXEC));
}

int Region::open_error(int flags) const
{
	return open(flags) ? 0 : errno;
}

UniqueFd Region::own() const
{
	return open_file(node(), O_RDWR);
}

UniqueFd Region::take_over() const
{
	UniqueFd fd;

	wait_until([&] {
		fd = open(O_RDWR);
		return fd || errno != EBUSY;
	});
	if (!fd)
		throw std::system_error(errno, std::generic_category(), node());
	return fd;
}

std::vector<Region> regions()
{
	const char *path = std::getenv("EGM_HOST");
	if (!path)
		throw std::runtime_error("EGM_HOST is not set: this runs inside the testbed");

	const nlohmann::json host = nlohmann::json::parse(std::ifstream(path));
	std::vector<Region> regions;
	for (const nlohmann::json &socket : host["sockets"]) {
		Region region = { socket, socket["pxm"], socket["size"], {} };

		if (socket["retired"].is_object() && socket["retired"]["pages"].is_array()) {
			for (std::uint64_t page : socket["retired"]["pages"])
				region.retired.push_back(page -
							 socket["base"].get<std::uint64_t>());
		}
		regions.push_back(std::move(region));
	}
	return regions;
}

Removal::Removal(const Region &region)
	: device_("nvgrace_gpu_vfio_pci.egm." + std::to_string(region.pxm))
{
	write_text(driver_ + "unbind", device_);
}

Removal::~Removal()
{
	std::ofstream(driver_ + "bind") << device_;
}

void *map(int fd, std::uint64_t length, std::uint64_t offset, int protection, int flags,
	  void *address)
{
	// A long as every system call's value; as an address again it is what mmap() returned.
	return reinterpret_cast<void *>(
		syscall(SYS_mmap, address, length, protection, flags, fd, offset));
}

int map_error(int fd, std::uint64_t length, std::uint64_t offset, int protection, int flags)
{
	void *address = map(fd, length, offset, protection, flags);

	if (address == MAP_FAILED)
		return errno;
	munmap(address, length);
	return 0;
}

void fill(const Mapping &mapping, std::uint64_t offset)
{
	for (std::uint64_t &word : mapping.words()) {
		word = mark(offset);
		offset += 8;
	}
}

static testing::AssertionResult unexpected(std::uint64_t offset, std::uint64_t word)
{
	return testing::AssertionFailure() << std::format("at {:#x}: {:#x}", offset, word);
}

testing::AssertionResult filled(const Mapping &mapping, std::uint64_t offset)
{
	for (std::uint64_t word : mapping.words()) {
		if (word != mark(offset))
			return unexpected(offset, word);
		offset += 8;
	}
	return testing::AssertionSuccess();
}

testing::AssertionResult cleared(const Region &region, const Mapping &whole)
{
	std::span<std::uint64_t> words = whole.words();

	if (words.size_bytes() != region.size)
		return testing::AssertionFailure() << "not the whole region is mapped";

	for (std::uint64_t start = 0; start < region.size; start += granule) {
		if (std::ranges::find(region.retired, start) != region.retired.end())
			continue;

		// Without a branch for each word: it is a quarter of a gigabyte, on an emulator.
		std::uint64_t all = 0;
		for (std::uint64_t word : words.subspan(start / 8, granule / 8))
			all |= word;
		if (!all)
			continue;
		for (std::uint64_t offset = start;; offset += 8) {
			if (words[offset / 8])
				return unexpected(offset, words[offset / 8]);
		}
	}
	return testing::AssertionSuccess();
}

} // namespace e2e
