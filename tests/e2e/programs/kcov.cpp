// SPDX-License-Identifier: GPL-2.0-or-later
#include "kcov.hpp"

#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace programs {

namespace {

constexpr const char *path = "/sys/kernel/debug/kcov";
/** The first word counts the others. What has no room is not recorded. */
constexpr std::uint64_t words = std::uint64_t{ 1 } << 16;

} // namespace

Kcov::Kcov()
	: file_(e2e::open_file(path, O_RDWR)),
	  record_((e2e::check(ioctl(file_.get(), KCOV_INIT_TRACE, words), "KCOV_INIT_TRACE"),
		   file_),
		  words * sizeof(std::uint64_t))
{
	e2e::check(ioctl(file_.get(), KCOV_ENABLE, KCOV_TRACE_PC), "KCOV_ENABLE");
}

std::optional<Kcov> Kcov::start()
{
	if (access(path, F_OK))
		return std::nullopt;
	return Kcov();
}

bool Kcov::add(std::uint64_t address)
{
	std::ifstream modules("/proc/modules");

	for (std::string line; std::getline(modules, line);) {
		std::string name, references, users, state;
		std::uint64_t size = 0, start = 0;
		std::istringstream(line) >> name >> size >> references >> users >> state >>
			std::hex >> start;
		if (name.starts_with("nvgrace_") && address - start < size)
			return places_.emplace(name, address - start).second;
	}
	// Of a module that has gone since.
	return false;
}

bool Kcov::collect()
{
	const auto record = record_.words();
	const std::uint64_t count = __atomic_load_n(&record[0], __ATOMIC_RELAXED);
	bool found = false;

	for (std::uint64_t i = 1; i <= count; i++)
		if (addresses_.insert(record[i]).second)
			found |= add(record[i]);
	__atomic_store_n(&record[0], 0, __ATOMIC_RELAXED);
	return found;
}

} // namespace programs
