// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "child.hpp"
#include "mapping.hpp"
#include "unique_fd.hpp"

namespace e2e {

/// Tells the kernel, from this process, that a page of memory has failed; errno, 0 where it takes
/// it.
int simulate_error(std::uint64_t address);

/// The same from a process that maps none of the pages; throws where the kernel does not take it.
void simulate_errors_elsewhere(const std::vector<std::uint64_t> &addresses);

/// The same, on a processor that does nothing else meanwhile: no worker of its own gets to run.
void simulate_errors_at_once(const std::vector<std::uint64_t> &addresses);

/// The firmware, as long as it lives (lib/memory_error.py); one at a time in the host.
class Firmware {
public:
	Firmware();
	Firmware(const Firmware &) = delete;
	Firmware &operator=(const Firmware &) = delete;
	~Firmware();

	/// An error that cannot be undone, and one that was.
	void report(std::uint64_t address) { order("recoverable", address); }
	void report_corrected(std::uint64_t address) { order("corrected", address); }

private:
	void order(const std::string &severity, std::uint64_t address);

	UniqueFd orders_, answers_;
	pid_t pid_;
};

/// What came of SIGBUS in a process.
struct BusErrors {
	int count;
	/// Of the last one: BUS_MCEERR_AR or BUS_MCEERR_AO, and where.
	int code;
	int lsb;
	const void *address;
};

/// Whether they are all of one page that failed, with this code and address in the last one.
testing::AssertionResult is(const BusErrors &errors, int code, const void *address, int count = 1);

/// A process with the mappings of this one, and one more for memory that fails.
class Witness {
public:
	enum class Wants { nothing, early };

	explicit Witness(Wants wants);

	/// Waits until it has got SIGBUS that often.
	BusErrors seen(int count = 1) const;
	/// It ends; what came until then. Throws unless it ended by itself.
	BusErrors end();

private:
	Mapping shared_;
	Event stands_, may_go_;
	Child child_;
};

/// What a process gets that does something with the mappings of this one, and survives. The body
/// says whether it went well; throws if not.
BusErrors errors_of(const std::function<bool()> &body);

/// What a process gets that touches a byte, after the one at `before` if it is given: count is 0
/// if it can.
BusErrors read_error(const volatile void *address, const volatile void *before = nullptr);
BusErrors write_error(volatile void *address);

} // namespace e2e
