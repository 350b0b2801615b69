// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "child.hpp"
#include "kernel_file.hpp"
#include "mapping.hpp"
#include "region.hpp"

namespace e2e {

/// What a write to a file of the kernel's fails with, 0 if it does not.
int write_error(const std::string &path, const std::string &text);

/// One of the modules under test, loaded with parameters: errno, 0 if it is in the kernel.
int load_module(const std::string &name, const std::string &parameters = "");
void unload_module(const std::string &name);

/// nvgrace-egm
int load_driver(const std::string &parameters = "");
void unload_driver();
/// Throws when it does not load.
void reload_driver(const std::string &parameters = "");

/// The region's device loses its driver, or gets it back.
void unbind(const Region &region);
void bind(const Region &region);
/// Errno, 0 if it has its driver.
int try_bind(const Region &region);

/// What really is in memory, by physical address; only as long as no driver has claimed it.
class PhysicalMemory {
public:
	explicit PhysicalMemory(const Region &region);

	std::uint64_t at(std::uint64_t offset) const { return words()[offset / 8]; }
	void set(std::uint64_t offset, std::uint64_t word) const { words()[offset / 8] = word; }

private:
	// Mapped as a device is: each word by an access of its own.
	volatile std::uint64_t *words() const { return memory_.word(0); }

	Mapping memory_;
};

/// An attribute of the workqueue that clears.
inline std::string workqueue(const std::string &attribute)
{
	return "/sys/devices/virtual/workqueue/nvgrace-egm/" + attribute;
}

/// As long as it lives, clearing takes seconds: its workers share one CPU with somebody who never
/// rests and counts more. They are as fast as ever after end(), or while that one is frozen.
class SlowClear {
public:
	SlowClear();
	void end() { hog_.reset(); }
	/// The CPU that they share.
	static unsigned int cpu();

private:
	Setting nice_, cpumask_;
	std::optional<Child> hog_;
};

} // namespace e2e
