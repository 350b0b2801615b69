// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that suites give orders to (lib/actor.sh): one command a line on stdin, one line of
 * answer each: "ok", a value, or the name of the errno.
 *
 *	open DEVICE ro|rw [nonblock]
 *	size, retired			by lseek() and by ioctl()
 *	map BYTES			all that follows is about this mapping
 *	fill VALUE			all of it
 *	nonzero				bytes that are not 0
 *	at OFFSET			the byte there, or SIGBUS
 *	readable			pages that can be read; others raise SIGBUS
 *	unmap, close
 *	vfio ADDRESS			open a PCI function through VFIO, all in one
 *					container; says what it is: "1234:11e8"
 *	vfio-join ADDRESS		its group only: the container has it, and nobody
 *					has opened the device
 *	vfio-close ADDRESS		the device only: group and container stay, for
 *					vfio to open it again
 *	vfio-leave ADDRESS		the device and its group: the container stays
 *	vfio-region ADDRESS INDEX	its bytes, and areas that can be mapped where
 *					not all is the same: "0x40000000 0x0+0x20000000"
 *	vfio-map ADDRESS INDEX BYTES	like map
 *	vfio-peek ADDRESS INDEX OFFSET	a 32-bit word of a region
 *	vfio-poke ADDRESS INDEX OFFSET VALUE
 *	vfio-reset ADDRESS
 *	dma-map IOVA			let all functions of the container see the mapping
 *	dma-read ADDRESS IOVA		the first byte that an `edu` reads there, or
 *					"nothing" if it gets no data
 */
#include "mapping.hpp"
#include "prober.hpp"
#include "unique_fd.hpp"
#include "vfio.hpp"

#include <linux/egm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <format>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;

std::uint64_t number(const std::string &word)
{
	return std::stoull(word, nullptr, 0);
}

/** Of a region: the second word after the order. */
std::uint32_t index(const Words &words)
{
	return static_cast<std::uint32_t>(number(words.at(2)));
}

class Actor {
public:
	/** @return the answer to a command */
	std::string obey(const Words &words)
	{
		try {
			return commands_.at(words.at(0))(words);
		} catch (const std::system_error &error) {
			return strerrorname_np(error.code().value());
		}
	}

private:
	// Where the devices see a page that this process looks at: above any test's memory, below
	// the window for message interrupts, and within the 28 bits of an `edu`.
	static constexpr std::uint64_t desk_iova = 0x7f00000;
	// No test fills memory with it.
	static constexpr std::uint8_t no_data = 0xee;

	std::string open(const Words &words)
	{
		const int mode = words.at(2) == "rw" ? O_RDWR : O_RDONLY;
		file_ = e2e::open_file(words.at(1), mode | (words.size() > 3 ? O_NONBLOCK : 0));
		return "ok";
	}

	std::string size()
	{
		return std::to_string(e2e::check(lseek(file_.get(), 0, SEEK_END), "lseek"));
	}

	std::string retired()
	{
		egm_retired_pages_list list = {};
		list.argsz = sizeof(list);
		e2e::check(ioctl(file_.get(), EGM_RETIRED_PAGES_LIST, &list),
			   "EGM_RETIRED_PAGES_LIST");
		return std::to_string((list.argsz - sizeof(list)) / sizeof(egm_retired_page));
	}

	std::string map(const Words &words)
	{
		mapping_ = e2e::Mapping(file_, number(words.at(1)));
		return "ok";
	}

	std::string fill(const Words &words)
	{
		std::ranges::fill(mapping_.bytes(), static_cast<std::uint8_t>(number(words.at(1))));
		return "ok";
	}

	std::string nonzero()
	{
		const auto bytes = mapping_.bytes();
		return std::to_string(static_cast<std::ptrdiff_t>(bytes.size()) -
				      std::ranges::count(bytes, 0));
	}

	std::string at(const Words &words)
	{
		const int byte = programs::Prober::read(mapping_.bytes()[number(words.at(1))]);
		return byte < 0 ? "SIGBUS" : std::to_string(byte);
	}

	std::string readable()
	{
		return std::to_string(programs::Prober::readable_pages(mapping_.bytes()));
	}

	std::string unmap()
	{
		mapping_ = {};
		return "ok";
	}

	std::string close()
	{
		file_ = {};
		return "ok";
	}

	programs::Group &group(const std::string &address)
	{
		if (!container_)
			container_.emplace();
		return groups_.try_emplace(address, *container_, address).first->second;
	}

	std::string vfio(const Words &words)
	{
		auto &function = group(words.at(1));
		function.open_device();
		return function.identity();
	}

	std::string vfio_join(const Words &words)
	{
		group(words.at(1));
		return "ok";
	}

	std::string vfio_close(const Words &words)
	{
		groups_.at(words.at(1)).close_device();
		return "ok";
	}

	std::string vfio_leave(const Words &words)
	{
		groups_.erase(words.at(1));
		return "ok";
	}

	programs::Function function(const Words &words) const
	{
		return programs::Function(groups_.at(words.at(1)).device());
	}

	std::string vfio_region(const Words &words) const
	{
		const auto region = function(words).region(index(words));
		std::string answer = std::format("{:#x}", region.size);
		for (const auto &area : region.mappable)
			answer += std::format(" {:#x}+{:#x}", area.offset, area.size);
		return answer;
	}

	std::string vfio_map(const Words &words)
	{
		const auto offset = function(words).region(index(words)).offset;
		mapping_ = { groups_.at(words.at(1)).device(), number(words.at(3)), offset };
		return "ok";
	}

	std::string vfio_peek(const Words &words) const
	{
		std::uint32_t value = 0;
		e2e::check(function(words).read(index(words), number(words.at(3)), &value,
						sizeof(value)),
			   "read from a region");
		return std::format("{:#x}", value);
	}

	std::string vfio_poke(const Words &words) const
	{
		const auto value = static_cast<std::uint32_t>(number(words.at(4)));
		e2e::check(function(words).write(index(words), number(words.at(3)), &value,
						 sizeof(value)),
			   "write to a region");
		return "ok";
	}

	std::string vfio_reset(const Words &words) const
	{
		const int error = function(words).reset();
		return error ? strerrorname_np(error) : "ok";
	}

	std::string dma_map(const Words &words)
	{
		container_->map(number(words.at(1)), mapping_.bytes());
		return "ok";
	}

	std::string dma_read(const Words &words)
	{
		if (desk_.bytes().empty()) {
			// A whole page: the IOMMU maps no less.
			desk_ = e2e::Mapping::anonymous(
				static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
			container_->map(desk_iova, desk_.bytes());
		}
		const auto bytes = desk_.bytes();
		programs::Edu edu(groups_.at(words.at(1)).device());

		std::ranges::fill(bytes, no_data);
		edu.load(desk_iova);
		edu.load(number(words.at(2)));
		std::ranges::fill(bytes, std::uint8_t{ 0 });
		edu.store(desk_iova);
		return bytes[0] == no_data ? "nothing" : std::to_string(bytes[0]);
	}

	std::map<std::string, std::function<std::string(const Words &)>> commands_{
		{ "open", [this](const Words &words) { return open(words); } },
		{ "size", [this](const Words &) { return size(); } },
		{ "retired", [this](const Words &) { return retired(); } },
		{ "map", [this](const Words &words) { return map(words); } },
		{ "fill", [this](const Words &words) { return fill(words); } },
		{ "nonzero", [this](const Words &) { return nonzero(); } },
		{ "at", [this](const Words &words) { return at(words); } },
		{ "readable", [this](const Words &) { return readable(); } },
		{ "unmap", [this](const Words &) { return unmap(); } },
		{ "close", [this](const Words &) { return close(); } },
		{ "vfio", [this](const Words &words) { return vfio(words); } },
		{ "vfio-join", [this](const Words &words) { return vfio_join(words); } },
		{ "vfio-close", [this](const Words &words) { return vfio_close(words); } },
		{ "vfio-leave", [this](const Words &words) { return vfio_leave(words); } },
		{ "vfio-region", [this](const Words &words) { return vfio_region(words); } },
		{ "vfio-map", [this](const Words &words) { return vfio_map(words); } },
		{ "vfio-peek", [this](const Words &words) { return vfio_peek(words); } },
		{ "vfio-poke", [this](const Words &words) { return vfio_poke(words); } },
		{ "vfio-reset", [this](const Words &words) { return vfio_reset(words); } },
		{ "dma-map", [this](const Words &words) { return dma_map(words); } },
		{ "dma-read", [this](const Words &words) { return dma_read(words); } },
	};

	programs::Prober prober_;
	e2e::UniqueFd file_;
	e2e::Mapping mapping_;
	// Devices go before their container.
	std::optional<programs::Container> container_;
	std::map<std::string, programs::Group> groups_;
	e2e::Mapping desk_;
};

} // namespace

int main()
{
	Actor actor;
	for (std::string line; std::getline(std::cin, line);) {
		std::istringstream stream(line);
		const Words words(std::istream_iterator<std::string>{ stream }, {});
		try {
			std::cout << actor.obey(words) << std::endl;
		} catch (const std::exception &error) {
			// Not an answer that a suite can expect: the order made no sense.
			std::cout << "cannot " << line << ": " << error.what() << std::endl;
		}
	}
	return 0;
}
