// SPDX-License-Identifier: GPL-2.0-or-later
#include "sysfs_reader.hpp"

#include "parse.hpp"
#include "retired_pages.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace egm {

namespace {

// The kernel gives a text attribute one page, and no page is larger than this.
constexpr std::size_t attribute_limit = 64 * 1024;

// 47 bytes a line: more entries than any list that was ever seen, far less than what hurts.
constexpr std::size_t table_limit = 16 * 1024 * 1024;

// What a message quotes of a bad value.
std::string excerpt(std::string_view text)
{
	constexpr std::size_t limit = 40;
	return fmt::format("\"{}{}\"", printable(text.substr(0, limit)),
			   text.size() > limit ? "..." : "");
}

} // namespace

Reading<std::string> SysfsReader::line(const std::string &attribute) const
{
	return tree_.read_file(path(attribute), attribute_limit)
		.then([&](const std::string &text) -> Reading<std::string> {
			if (text.empty())
				return tree_.malformed(path(attribute), "empty");
			if (!text.ends_with('\n'))
				return tree_.malformed(
					path(attribute),
					fmt::format("{} has no end of line", excerpt(text)));
			return text.substr(0, text.size() - 1);
		});
}

template <class T, class Parser>
Reading<T> SysfsReader::value(const std::string &attribute, Parser parser,
			      const char *not_set) const
{
	return line(attribute).then([&](const std::string &text) -> Reading<T> {
		if (not_set && text == not_set)
			return Unknown{ Why::not_set, {} };
		if (const auto parsed = parser(text))
			return T(*parsed);
		return tree_.malformed(path(attribute),
				       fmt::format("unexpected value {}", excerpt(text)));
	});
}

Reading<std::uint64_t> SysfsReader::number(const std::string &attribute) const
{
	return value<std::uint64_t>(attribute, parse_u64);
}

Reading<std::uint64_t> SysfsReader::numa_node(const std::string &attribute) const
{
	return value<std::uint64_t>(attribute, parse_u64, "-1");
}

Reading<std::uint64_t> SysfsReader::first_cpu(const std::string &attribute) const
{
	const auto first = [](std::string_view list) {
		return parse_u64(list.substr(0, list.find_first_of("-,")));
	};
	return value<std::uint64_t>(attribute, first, "");
}

Reading<std::string> SysfsReader::word(const std::string &attribute) const
{
	return value<std::string>(attribute, parse_word);
}

Reading<DeviceNumber> SysfsReader::device_number(const std::string &attribute) const
{
	return value<DeviceNumber>(attribute, parse_device_number);
}

Reading<std::vector<std::string>> SysfsReader::pci_addresses(const std::string &attribute) const
{
	using Addresses = std::vector<std::string>;
	return tree_.read_file(path(attribute), attribute_limit)
		.then([&](const std::string &text) -> Reading<Addresses> {
			const auto lines = parse_lines(text);
			if (!lines)
				return tree_.malformed(path(attribute), "the last line has no end");
			Addresses addresses;
			for (const auto entry : *lines) {
				auto address = parse_pci_address(entry);
				if (!address)
					return tree_.malformed(
						path(attribute),
						fmt::format("unexpected line {}", excerpt(entry)));
				addresses.push_back(std::move(*address));
			}
			std::ranges::sort(addresses);
			const auto [first, last] = std::ranges::unique(addresses);
			addresses.erase(first, last);
			return addresses;
		});
}

Reading<std::vector<std::string>> SysfsReader::pci_links() const
{
	using Names = std::vector<std::string>;
	return tree_.list_directory(directory_).then([&](const Names &names) -> Reading<Names> {
		Names links;
		for (const auto &name : names) {
			if (!parse_pci_address(name))
				continue;
			const auto status = tree_.status_of(path(name));
			if (!status)
				return status.unknown();
			if (S_ISLNK(status->st_mode))
				links.push_back(name);
		}
		return links;
	});
}

Reading<std::string> SysfsReader::link_name(const std::string &link) const
{
	return tree_.read_link(path(link))
		.then([&](const std::string &target) -> Reading<std::string> {
			if (const auto name = parse_word(target.substr(target.rfind('/') + 1)))
				return *name;
			return tree_.malformed(path(link),
					       fmt::format("unexpected link {}", excerpt(target)));
		});
}

Reading<std::vector<RetiredPage>> SysfsReader::retired_pages(const std::string &attribute) const
{
	using Pages = std::vector<RetiredPage>;
	return tree_.read_file(path(attribute), table_limit)
		.then([&](const std::string &text) -> Reading<Pages> {
			auto table = parse_retired_pages(text);
			if (const auto *pages = std::get_if<Pages>(&table))
				return *pages;
			const auto &bad = std::get<BadLine>(table);
			return tree_.malformed(path(attribute),
					       fmt::format("line {}: {}: {}", bad.number, bad.cause,
							   excerpt(bad.text)));
		});
}

} // namespace egm
