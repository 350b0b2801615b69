// SPDX-License-Identifier: GPL-2.0-or-later
#include "touch.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>

#include "child.hpp"

namespace e2e {

int read_from(const void *word)
{
	return outcome([&] {
		static_cast<void>(*static_cast<const volatile std::uint64_t *>(word));
		return 0;
	});
}

int write_to(void *word)
{
	return outcome([&] {
		*static_cast<volatile std::uint64_t *>(word) = 1;
		return 0;
	});
}

long page_tables()
{
	std::ifstream status("/proc/self/status");
	std::string name;
	long kilobytes;

	while (status >> name) {
		if (name == "VmPTE:" && status >> kilobytes)
			return kilobytes * 1024 / getpagesize();
		status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
	}
	throw std::runtime_error("/proc/self/status has no VmPTE");
}

Cost touch(const void *start, std::uint64_t length)
{
	const auto page = static_cast<std::uint64_t>(getpagesize());
	const auto *bytes = static_cast<const volatile unsigned char *>(start);
	rusage before, after;
	// So that this function itself has its pages.
	static_cast<void>(page_tables());
	getrusage(RUSAGE_SELF, &before);
	getrusage(RUSAGE_SELF, &after);
	const long tables = page_tables();

	getrusage(RUSAGE_SELF, &before);
	for (std::uint64_t offset = 0; offset < length; offset += page)
		static_cast<void>(bytes[offset]);
	getrusage(RUSAGE_SELF, &after);
	return { after.ru_minflt - before.ru_minflt, page_tables() - tables };
}

bool mapped_at_once()
{
	std::ifstream parameter("/sys/module/nvgrace_egm/parameters/map");
	std::string map;

	parameter >> map;
	return map == "remap";
}

} // namespace e2e
