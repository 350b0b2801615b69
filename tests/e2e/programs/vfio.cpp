// SPDX-License-Identifier: GPL-2.0-or-later
#include "vfio.hpp"

#include <array>
#include <filesystem>
#include <format>
#include <stdexcept>

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

namespace programs {

using e2e::check, e2e::open_file, e2e::UniqueFd;

Container::Container() : container_(open_file("/dev/vfio/vfio", O_RDWR)) {}

void Container::add(const UniqueFd &group)
{
	const int fd = container_.get();
	check(ioctl(group.get(), VFIO_GROUP_SET_CONTAINER, &fd), "VFIO_GROUP_SET_CONTAINER");
	if (!std::exchange(ready_, true))
		check(ioctl(container_.get(), VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU),
		      "VFIO_SET_IOMMU");
}

void Container::map(std::uint64_t iova, std::span<std::uint8_t> memory)
{
	vfio_iommu_type1_dma_map map = {};
	map.argsz = sizeof(map);
	map.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	map.vaddr = reinterpret_cast<std::uintptr_t>(memory.data());
	map.iova = iova;
	map.size = memory.size();
	check(ioctl(container_.get(), VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
}

namespace {

std::string group_path(const std::string &address)
{
	const auto link = "/sys/bus/pci/devices/" + address + "/iommu_group";
	return "/dev/vfio/" + std::filesystem::read_symlink(link).filename().string();
}

} // namespace

Group::Group(Container &container, const std::string &address)
	: address_(address), group_(open_file(group_path(address), O_RDWR))
{
	container.add(group_);
}

void Group::open_device()
{
	device_ = UniqueFd(check(ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, address_.c_str()),
				 "VFIO_GROUP_GET_DEVICE_FD"));
}

namespace {

std::uint64_t region_offset(const UniqueFd &device, std::uint32_t index)
{
	vfio_region_info info = {};
	info.argsz = sizeof(info);
	info.index = index;
	check(ioctl(device.get(), VFIO_DEVICE_GET_REGION_INFO, &info),
	      "VFIO_DEVICE_GET_REGION_INFO");
	return info.offset;
}

} // namespace

std::string Group::identity() const
{
	std::array<std::uint16_t, 2> ids = {};
	const auto offset = region_offset(device_, VFIO_PCI_CONFIG_REGION_INDEX);
	check(pread(device_.get(), ids.data(), sizeof(ids), static_cast<off_t>(offset)),
	      "PCI configuration space");
	return std::format("{:04x}:{:04x}", ids[0], ids[1]);
}

namespace {

// Registers of `edu`, in its first BAR
constexpr std::uint64_t dma_source = 0x80;
constexpr std::uint64_t dma_destination = 0x88;
constexpr std::uint64_t dma_count = 0x90;
constexpr std::uint64_t dma_command = 0x98;
constexpr std::uint64_t dma_run = 1;

} // namespace

Edu::Edu(const UniqueFd &device)
	: device_(device), registers_(region_offset(device, VFIO_PCI_BAR0_REGION_INDEX))
{
	const std::uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	const auto offset = region_offset(device, VFIO_PCI_CONFIG_REGION_INDEX) + PCI_COMMAND;
	check(pwrite(device.get(), &command, sizeof(command), static_cast<off_t>(offset)),
	      "PCI command register");
}

void Edu::write(std::uint64_t offset, std::uint64_t value)
{
	check(pwrite(device_.get(), &value, sizeof(value), static_cast<off_t>(registers_ + offset)),
	      "write to edu");
}

std::uint64_t Edu::read(std::uint64_t offset)
{
	std::uint64_t value = 0;
	check(pread(device_.get(), &value, sizeof(value), static_cast<off_t>(registers_ + offset)),
	      "read from edu");
	return value;
}

void Edu::transfer(std::uint64_t source, std::uint64_t destination, std::uint64_t direction)
{
	write(dma_source, source);
	write(dma_destination, destination);
	write(dma_count, buffer_size);
	write(dma_command, direction | dma_run);
	// A tenth of a second, says its manual.
	for (int i = 0; i < 1000; i++) {
		if (!(read(dma_command) & dma_run))
			return;
		usleep(10'000);
	}
	throw std::runtime_error("edu does not finish a transfer");
}

} // namespace programs
