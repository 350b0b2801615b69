// SPDX-License-Identifier: GPL-2.0-or-later
// PCI functions through VFIO's groups and the type1 container, or through iommufd, as far as the
// tests need them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

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
	const e2e::UniqueFd &group() const { return group_; }
	/** Vendor and device, "1234:11e8", as the device's configuration space has them. */
	std::string identity() const;

private:
	std::string address_;
	e2e::UniqueFd group_;
	e2e::UniqueFd device_;
};

/** iommufd's I/O address space, for functions that are opened by nodes of their own. */
class Iommufd {
public:
	Iommufd();

	/** The function is open as long as the descriptor. */
	e2e::UniqueFd open_device(const std::string &address) const;

private:
	e2e::UniqueFd iommufd_;
	std::uint32_t address_space_;
};

/** A function that is open through VFIO, as its driver shows it. What can fail returns errno, or 0.
 */
class Function {
public:
	struct Area {
		std::uint64_t offset, size;
		friend bool operator==(const Area &, const Area &) = default;
	};
	struct Region {
		std::uint64_t size = 0;
		/** In the file. */
		std::uint64_t offset = 0;
		std::uint32_t flags = 0;
		/** Of the capability that lists what can be mapped; 0 without one. */
		unsigned int version = 0;
		std::vector<Area> mappable;
	};

	explicit Function(const e2e::UniqueFd &device) : device_(device) {}

	/** Throws where there is no such region. */
	Region region(std::uint32_t index) const;

	/** pread(2) and pwrite(2) at an offset of a region. */
	ssize_t read(std::uint32_t index, std::uint64_t offset, void *data, std::size_t size) const;
	ssize_t write(std::uint32_t index, std::uint64_t offset, const void *data,
		      std::size_t size) const;

	int reset() const;
	/** A function that was opened by its group needs the group. */
	int hot_reset(const e2e::UniqueFd *group) const;
	int set_feature(std::uint32_t feature) const;
	/** The event counts errors of the bus from now on. */
	int tell_errors(const e2e::UniqueFd &event) const;
	/** A DMA buffer of a part of a region; without one, errno says why. */
	e2e::UniqueFd dma_buffer(std::uint32_t index, const Area &area) const;

private:
	const e2e::UniqueFd &device_;
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
