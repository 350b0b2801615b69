// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device.hpp"
#include "tree.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace egm {

/**
 * Reads attributes of one directory of sysfs as typed values.
 *
 * An attribute is one line that ends in '\n' and holds nothing but the value; everything else is
 * an Unknown that names file and cause. A file that is not there is Why::not_exported.
 */
class SysfsReader {
public:
	/** The tree must outlive the reader. */
	SysfsReader(const Tree &tree, std::string directory)
		: tree_(tree), directory_(std::move(directory))
	{
	}

	/** An unsigned number, decimal or 0x-hexadecimal. */
	Reading<std::uint64_t> number(const std::string &attribute) const;

	/** A NUMA node; -1 is Why::not_set. */
	Reading<std::uint64_t> numa_node(const std::string &attribute) const;

	/** The first of a list of CPUs: "0-71"; an empty list is Why::not_set. */
	Reading<std::uint64_t> first_cpu(const std::string &attribute) const;

	/** One word. */
	Reading<std::string> word(const std::string &attribute) const;

	/** "major:minor". */
	Reading<DeviceNumber> device_number(const std::string &attribute) const;

	/** PCI addresses, one a line; ascending, each once. */
	Reading<std::vector<std::string>> pci_addresses(const std::string &attribute) const;

	/** Symbolic links in the directory that are named by a PCI address; they are not followed.
	 */
	Reading<std::vector<std::string>> pci_links() const;

	/** The last component of a symbolic link, which is not followed. */
	Reading<std::string> link_name(const std::string &link) const;

	/** The table of retired pages: "0xOFFSET 0xSIZE ORIGIN" lines. */
	Reading<std::vector<RetiredPage>> retired_pages(const std::string &attribute) const;

private:
	std::string path(const std::string &name) const { return directory_ + "/" + name; }
	Reading<std::string> line(const std::string &attribute) const;
	template <class T, class Parser>
	Reading<T> value(const std::string &attribute, Parser parser,
			 const char *not_set = nullptr) const;

	const Tree &tree_;
	std::string directory_;
};

} // namespace egm
