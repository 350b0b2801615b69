// SPDX-License-Identifier: GPL-2.0-or-later
#include "vfio.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <stdexcept>

#include <linux/iommufd.h>
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

Iommufd::Iommufd() : iommufd_(open_file("/dev/iommu", O_RDWR))
{
	iommu_ioas_alloc alloc = {};
	alloc.size = sizeof(alloc);
	check(ioctl(iommufd_.get(), IOMMU_IOAS_ALLOC, &alloc), "IOMMU_IOAS_ALLOC");
	address_space_ = alloc.out_ioas_id;
}

UniqueFd Iommufd::open_device(const std::string &address) const
{
	const std::filesystem::directory_iterator names("/sys/bus/pci/devices/" + address +
							"/vfio-dev");
	UniqueFd device =
		open_file("/dev/vfio/devices/" + names->path().filename().string(), O_RDWR);
	vfio_device_bind_iommufd bind = {};
	bind.argsz = sizeof(bind);
	bind.iommufd = iommufd_.get();
	check(ioctl(device.get(), VFIO_DEVICE_BIND_IOMMUFD, &bind), "VFIO_DEVICE_BIND_IOMMUFD");
	vfio_device_attach_iommufd_pt attach = {};
	attach.argsz = sizeof(attach);
	attach.pt_id = address_space_;
	check(ioctl(device.get(), VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
	      "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	return device;
}

Function::Region Function::region(std::uint32_t index) const
{
	// Larger than all that a region has to say.
	std::array<std::uint64_t, 64> buffer = {};
	const auto *bytes = reinterpret_cast<const std::byte *>(buffer.data());
	auto *info = reinterpret_cast<vfio_region_info *>(buffer.data());
	info->argsz = sizeof(buffer);
	info->index = index;
	check(ioctl(device_.get(), VFIO_DEVICE_GET_REGION_INFO, info),
	      "VFIO_DEVICE_GET_REGION_INFO");

	Region region = { info->size, info->offset, info->flags, 0, {} };
	for (std::uint32_t at = info->cap_offset; at;) {
		const auto *header = reinterpret_cast<const vfio_info_cap_header *>(bytes + at);
		if (header->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			const auto *sparse =
				reinterpret_cast<const vfio_region_info_cap_sparse_mmap *>(header);
			region.version = header->version;
			for (std::uint32_t i = 0; i < sparse->nr_areas; i++)
				region.mappable.push_back(
					{ sparse->areas[i].offset, sparse->areas[i].size });
		}
		at = header->next;
	}
	return region;
}

ssize_t Function::read(std::uint32_t index, std::uint64_t offset, void *data,
		       std::size_t size) const
{
	return pread(device_.get(), data, size, static_cast<off_t>(region(index).offset + offset));
}

ssize_t Function::write(std::uint32_t index, std::uint64_t offset, const void *data,
			std::size_t size) const
{
	return pwrite(device_.get(), data, size, static_cast<off_t>(region(index).offset + offset));
}

int Function::reset() const
{
	return ioctl(device_.get(), VFIO_DEVICE_RESET) ? errno : 0;
}

int Function::hot_reset(const UniqueFd *group) const
{
	alignas(vfio_pci_hot_reset)
		std::array<std::byte, sizeof(vfio_pci_hot_reset) + sizeof(std::int32_t)>
			buffer = {};
	auto *request = reinterpret_cast<vfio_pci_hot_reset *>(buffer.data());
	request->argsz = sizeof(buffer);
	if (group) {
		request->count = 1;
		request->group_fds[0] = group->get();
	}
	return ioctl(device_.get(), VFIO_DEVICE_PCI_HOT_RESET, request) ? errno : 0;
}

int Function::set_feature(std::uint32_t feature) const
{
	vfio_device_feature request = {};
	request.argsz = sizeof(request);
	request.flags = VFIO_DEVICE_FEATURE_SET | feature;
	return ioctl(device_.get(), VFIO_DEVICE_FEATURE, &request) ? errno : 0;
}

int Function::tell_errors(const UniqueFd &event) const
{
	std::array<std::uint32_t, sizeof(vfio_irq_set) / 4 + 1> buffer = {};
	auto *request = reinterpret_cast<vfio_irq_set *>(buffer.data());
	request->argsz = sizeof(buffer);
	request->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	request->index = VFIO_PCI_ERR_IRQ_INDEX;
	request->count = 1;
	const int descriptor = event.get();
	std::memcpy(request->data, &descriptor, sizeof(descriptor));
	return ioctl(device_.get(), VFIO_DEVICE_SET_IRQS, request) ? errno : 0;
}

UniqueFd Function::dma_buffer(std::uint32_t index, const Area &area) const
{
	// <linux/vfio.h> of the build root is older than this: VFIO_DEVICE_FEATURE_DMA_BUF.
	constexpr std::uint32_t dma_buf = 11;
	struct {
		std::uint32_t region_index, open_flags, flags, nr_ranges;
		Area range;
	} wanted = { index, O_CLOEXEC, 0, 1, area };
	std::array<std::uint64_t, (sizeof(vfio_device_feature) + sizeof(wanted)) / 8> buffer = {};
	auto *request = reinterpret_cast<vfio_device_feature *>(buffer.data());
	request->argsz = sizeof(buffer);
	request->flags = VFIO_DEVICE_FEATURE_GET | dma_buf;
	std::memcpy(request->data, &wanted, sizeof(wanted));
	return UniqueFd(ioctl(device_.get(), VFIO_DEVICE_FEATURE, request));
}

std::string Group::identity() const
{
	std::array<std::uint16_t, 2> ids = {};
	check(Function(device_).read(VFIO_PCI_CONFIG_REGION_INDEX, PCI_VENDOR_ID, ids.data(),
				     sizeof(ids)),
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
	: device_(device), registers_(Function(device).region(VFIO_PCI_BAR0_REGION_INDEX).offset)
{
	const std::uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	check(Function(device).write(VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, &command,
				     sizeof(command)),
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
