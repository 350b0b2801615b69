// SPDX-License-Identifier: GPL-2.0-or-later
// PCI functions through VFIO's groups and the type1 container, as far as the tests need them.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "unique_fd.hpp"

namespace programs {

/** A type1 container: one I/O address space. */
class Container {
public:
	Container();

	/** Puts a group in; the first one decides on the IOMMU. */
	void add(const e2e::UniqueFd &group);
	/** Makes memory visible to the devices at an I/O virtual address. */
	void map(std::uint64_t iova, std::span<std::uint8_t> memory);

private:
	e2e::UniqueFd container_;
	bool ready_ = false;
};

/** The IOMMU group of a PCI function, in a container. The device can be opened and closed. */
class Group {
public:
	Group(Container &container, const std::string &address);

	void open_device();
	void close_device() { device_ = {}; }
	const e2e::UniqueFd &device() const { return device_; }
	/** Vendor and device, "1234:11e8", as the device's configuration space has them. */
	std::string identity() const;

private:
	std::string address_;
	e2e::UniqueFd group_;
	e2e::UniqueFd device_;
};

/** QEMU's `edu` device, open through VFIO: a DMA engine with 4 KiB of its own. */
class Edu {
public:
	static constexpr std::size_t buffer_size = 4096;

	/** Lets the device do DMA. */
	explicit Edu(const e2e::UniqueFd &device);

	/** Copies from an I/O virtual address into the device. */
	void load(std::uint64_t iova) { transfer(iova, buffer, 0); }
	/** Copies from the device to an I/O virtual address. */
	void store(std::uint64_t iova) { transfer(buffer, iova, from_device); }

private:
	static constexpr std::uint64_t buffer = 0x40000;
	static constexpr std::uint64_t from_device = 2;

	void transfer(std::uint64_t source, std::uint64_t destination, std::uint64_t direction);
	void write(std::uint64_t offset, std::uint64_t value);
	std::uint64_t read(std::uint64_t offset);

	const e2e::UniqueFd &device_;
	std::uint64_t registers_;
};

} // namespace programs
