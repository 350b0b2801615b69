// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <ostream>

namespace e2e {

/// What a process dies of, or 0, when it reads a word.
int read_from(const void *word);

/// The same when it writes 1 there.
int write_to(void *word);

/// Page faults and tables that it takes to read one byte of every page.
struct Cost {
	long faults;
	/// Pages of memory that became page tables.
	long tables;

	friend bool operator==(const Cost &, const Cost &) = default;
	/// How GoogleTest shows one.
	friend void PrintTo(const Cost &cost, std::ostream *stream)
	{
		*stream << cost.faults << " faults, " << cost.tables << " tables";
	}
};
Cost touch(const void *start, std::uint64_t length);

/// Pages that are page tables of this process.
long page_tables();

/// Whether the module maps all pages in mmap(2): map=remap.
bool mapped_at_once();

} // namespace e2e
