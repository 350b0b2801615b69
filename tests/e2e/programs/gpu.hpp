// SPDX-License-Identifier: GPL-2.0-or-later
// A GPU of the host's description (EGM_HOST), and how its driver shows its memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <nlohmann/json.hpp>

#include "mapping.hpp"
#include "unique_fd.hpp"
#include "vfio.hpp"

namespace programs {

/** The two parts of a GPU's memory, each a region of its own. */
enum Part : std::uint32_t {
	reserved = VFIO_PCI_BAR2_REGION_INDEX,
	usable = VFIO_PCI_BAR4_REGION_INDEX,
};

/** A GPU as the description of the host has it. */
nlohmann::json describe_gpu(const std::string &name);

/** Memory and its configuration space, the GPU being open: by its group in a type1 container, or by
 *  its own node, where EGM_VFIO is "iommufd". */
class Gpu {
public:
	explicit Gpu(const std::string &name);

	/** As the description has it. */
	const nlohmann::json description;

	void open();
	void close();
	const e2e::UniqueFd &device() const { return *device_; }
	Function function() const { return Function(*device_); }
	/** With all that is needed for it. */
	int hot_reset() const;

	/** Bytes in the part, and in the BAR that is there for it. */
	std::uint64_t size(Part part) const;
	std::uint64_t bar_size(Part part) const;
	/** Where the part begins in the host's memory. */
	std::uint64_t address(Part part) const;

	e2e::Mapping map(Part part, std::uint64_t length, std::uint64_t offset = 0) const;

	/** The words at a multiple of 4 in the configuration space. */
	std::uint32_t config(unsigned int offset) const;
	void set_config(unsigned int offset, std::uint32_t value) const;
	/** Whether the device answers at its BARs. */
	void set_decoding(bool on) const;

	/** What the GPU says of its memory, in both registers. */
	void say_ready(std::uint32_t value = 0xff) const;

private:
	std::string address_;
	std::optional<Container> container_;
	std::optional<Group> group_;
	std::optional<Iommufd> iommufd_;
	e2e::UniqueFd node_;
	const e2e::UniqueFd *device_ = nullptr;
};

/** The GPUs of which `expect` has a key. */
std::vector<std::string> gpus_that_expect(const std::string &key);

} // namespace programs
