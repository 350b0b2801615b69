// SPDX-License-Identifier: GPL-2.0-or-later
#include "gpu.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace programs {

using e2e::check;

namespace {

// In BAR 0 of a GPU: that of the link to its memory, and that of the memory.
constexpr std::uint64_t link_register = 0x1498, memory_register = 0x200bc;

nlohmann::json all_gpus()
{
	return nlohmann::json::parse(std::ifstream(std::getenv("EGM_HOST")))["gpus"];
}

bool by_iommufd()
{
	const char *way = std::getenv("EGM_VFIO");
	return way && std::string(way) == "iommufd";
}

} // namespace

nlohmann::json describe_gpu(const std::string &name)
{
	for (const nlohmann::json &gpu : all_gpus()) {
		if (gpu.value("name", "") == name)
			return gpu;
	}
	throw std::runtime_error("the description has no GPU " + name);
}

std::vector<std::string> gpus_that_expect(const std::string &key)
{
	std::vector<std::string> names;
	for (const nlohmann::json &gpu : all_gpus()) {
		if (gpu.contains("expect") && gpu["expect"].contains(key))
			names.push_back(gpu["name"]);
	}
	return names;
}

Gpu::Gpu(const std::string &name)
	: description(describe_gpu(name)), address_(description["address"])
{
	if (by_iommufd()) {
		iommufd_.emplace();
	} else {
		container_.emplace();
		group_.emplace(*container_, address_);
	}
	open();
}

void Gpu::open()
{
	if (iommufd_) {
		node_ = iommufd_->open_device(address_);
		device_ = &node_;
	} else {
		group_->open_device();
		device_ = &group_->device();
	}
}

void Gpu::close()
{
	if (iommufd_)
		node_ = {};
	else
		group_->close_device();
}

int Gpu::hot_reset() const
{
	return function().hot_reset(group_ ? &group_->group() : nullptr);
}

std::uint64_t Gpu::size(Part part) const
{
	return description["expect"][part == usable ? "usable" : "reserved"][0];
}

std::uint64_t Gpu::bar_size(Part part) const
{
	return description["expect"][part == usable ? "usable" : "reserved"][1];
}

std::uint64_t Gpu::address(Part part) const
{
	const std::uint64_t base = description["properties"]["nvidia,gpu-mem-base-pa"];
	return part == usable ? base : base + size(usable);
}

e2e::Mapping Gpu::map(Part part, std::uint64_t length, std::uint64_t offset) const
{
	return { device(), length, function().region(part).offset + offset };
}

std::uint32_t Gpu::config(unsigned int offset) const
{
	std::uint32_t value = 0;
	check(function().read(VFIO_PCI_CONFIG_REGION_INDEX, offset, &value, sizeof(value)),
	      "PCI configuration space");
	return value;
}

void Gpu::set_config(unsigned int offset, std::uint32_t value) const
{
	check(function().write(VFIO_PCI_CONFIG_REGION_INDEX, offset, &value, sizeof(value)),
	      "PCI configuration space");
}

void Gpu::set_decoding(bool on) const
{
	// The other half is the status register, which takes ones as orders.
	const std::uint32_t command = config(PCI_COMMAND) & 0xffff & ~PCI_COMMAND_MEMORY;
	set_config(PCI_COMMAND, on ? command | PCI_COMMAND_MEMORY : command);
}

void Gpu::say_ready(std::uint32_t value) const
{
	for (const std::uint64_t offset : { link_register, memory_register })
		check(function().write(VFIO_PCI_BAR0_REGION_INDEX, offset, &value, sizeof(value)),
		      "BAR 0");
}

} // namespace programs
