// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls of everything that a region's device, and a GPU, answers:
 *
 *	fuzz SEED OPERATIONS [GPU]
 *
 * The same seed gives the same calls. Whoever owns the region writes a word of its own; whatever is
 * read must be that word or 0, or somebody else's memory has been seen: exit status 1. Errors of
 * calls are all right. GPU: the name of one in the host's description, which is then used through
 * VFIO, too. Where the kernel has KCOV, the last line says how many places of our modules were
 * reached, and by which call the last new one: whether more calls would find more.
 */
#include <fcntl.h>
#include <linux/egm.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <format>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "gpu.hpp"
#include "kcov.hpp"
#include "region.hpp"
#include "unique_fd.hpp"

namespace {

using e2e::UniqueFd;

sigjmp_buf touched;

void survive(int)
{
	siglongjmp(touched, 1);
}

/** Somebody saw what was not his. */
class Leak : public std::runtime_error {
public:
	using std::runtime_error::runtime_error;
};

class Fuzzer {
public:
	Fuzzer(std::uint64_t seed, const std::string &gpu);

	void run(std::uint64_t operations);

private:
	struct Map {
		std::byte *start;
		std::uint64_t length;
		/** In the region; of a GPU's memory nothing is known. */
		std::uint64_t offset;
		bool of_region;
	};

	std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
	template <class Container>
	auto &one_of(Container &container)
	{
		return container[below(std::size(container))];
	}
	std::uint64_t number();
	void *argument();

	void open_region();
	void close_one();
	void duplicate();
	void query();
	void seek_and_read();
	void map();
	void change_map();
	void touch();
	void fork_and_touch();
	void attribute();
	void use_gpu();
	void open_or_close_gpu();

	void unmap_all(bool of_region);
	void keep_if_clean(const Map &map, std::uint64_t at, std::uint64_t value) const;

	std::mt19937_64 random_;
	const std::vector<e2e::Region> regions_ = e2e::regions();
	const e2e::Region &region_ = regions_.front();
	std::string gpu_name_;
	std::unique_ptr<programs::Gpu> gpu_;
	std::vector<UniqueFd> files_;
	std::vector<Map> maps_;
	/** Of the present owner. */
	std::uint64_t word_ = 0;
	std::byte *page_;
	std::optional<programs::Kcov> kcov_ = programs::Kcov::start();
};

const std::uint64_t page = static_cast<std::uint64_t>(getpagesize());

Fuzzer::Fuzzer(std::uint64_t seed, const std::string &gpu) : random_(seed), gpu_name_(gpu)
{
	// An argument may end where nothing is mapped.
	void *pages =
		mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		throw std::system_error(errno, std::generic_category(), "mmap");
	page_ = static_cast<std::byte *>(pages);
	mprotect(page_ + page, page, PROT_NONE);
	for (const int number : { SIGBUS, SIGSEGV })
		std::signal(number, survive);
}

/** One that somebody may have got wrong. */
std::uint64_t Fuzzer::number()
{
	const std::uint64_t size = region_.size;
	const std::array bases = { std::uint64_t{ 0 },
				   page,
				   e2e::granule,
				   std::uint64_t{ 2 } << 20,
				   size,
				   std::uint64_t{ 1 } << 31,
				   std::uint64_t{ 1 } << 32,
				   std::uint64_t{ 1 } << 40,
				   std::uint64_t{ 1 } << 63,
				   below(size),
				   below(size) / page * page,
				   random_() };
	const std::array<std::uint64_t, 5> offsets = { 0, 0, 1, std::uint64_t(-1), page };
	return one_of(bases) + one_of(offsets);
}

/** Somewhere in a page of random words, the last of which it may cross. */
void *Fuzzer::argument()
{
	auto *words = reinterpret_cast<std::uint32_t *>(page_);
	for (std::size_t i = 0; i < 32; i++)
		words[i] = static_cast<std::uint32_t>(below(3) ? below(128) : number());
	if (below(8))
		return page_;
	std::byte *late = page_ + page - below(64);
	std::memmove(late, page_, static_cast<std::size_t>(page_ + page - late));
	return below(16) ? late : reinterpret_cast<void *>(number());
}

void Fuzzer::open_region()
{
	if (files_.size() > 20)
		return;
	constexpr std::array flags = { O_RDONLY, O_RDONLY, O_RDONLY,	      O_RDWR | O_NONBLOCK,
				       O_RDWR,	 O_WRONLY, O_RDWR | O_DIRECT, O_PATH };
	// A former owner waits for whoever has a GPU, and that may be this process.
	const int how = one_of(flags) | (gpu_ ? O_NONBLOCK : 0);
	UniqueFd file = region_.open(how);
	if (!file)
		return;
	if ((how & O_ACCMODE) == O_RDWR && !(how & (O_DIRECT | O_PATH))) {
		// What this process had mapped as a former owner is nothing but holes.
		unmap_all(true);
		word_ = random_() | 1;
	}
	files_.push_back(std::move(file));
}

void Fuzzer::close_one()
{
	if (!files_.empty())
		files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(below(files_.size())));
}

void Fuzzer::duplicate()
{
	if (files_.empty() || files_.size() > 20)
		return;
	files_.emplace_back(fcntl(one_of(files_).get(), F_DUPFD_CLOEXEC, 0));
}

void Fuzzer::query()
{
	if (files_.empty())
		return;
	const std::array<unsigned long, 6> numbers = {
		EGM_GET_INFO,		EGM_GET_INFO,	      EGM_RETIRED_PAGES_LIST,
		EGM_RETIRED_PAGES_LIST, VFIO_DEVICE_GET_INFO, random_()
	};
	ioctl(one_of(files_).get(), one_of(numbers), argument());
}

void Fuzzer::seek_and_read()
{
	if (files_.empty())
		return;
	const int file = one_of(files_).get();
	constexpr std::array whence = { SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 77 };
	lseek(file, static_cast<off_t>(number()), one_of(whence));
	if (read(file, page_, below(page)) > 0 || write(file, page_, below(page)) > 0)
		throw Leak("read() or write() of a region did something");
	fallocate(file, static_cast<int>(below(128)), 0, static_cast<off_t>(page));
	fsync(file);
}

void Fuzzer::map()
{
	if (files_.empty() || maps_.size() > 30)
		return;
	constexpr std::array protections = { PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
					     PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC };
	constexpr std::array kinds = { MAP_SHARED, MAP_SHARED, MAP_SHARED | MAP_POPULATE,
				       MAP_PRIVATE, MAP_SHARED | MAP_LOCKED };
	const bool sane = below(4) != 0;
	const std::uint64_t offset = sane ? below(region_.size) / page * page : number();
	const std::uint64_t length = sane ? 1 + below(region_.size - offset) : number();
	void *start =
		e2e::map(one_of(files_).get(), length, offset, one_of(protections), one_of(kinds));
	if (start != MAP_FAILED)
		maps_.push_back({ static_cast<std::byte *>(start),
				  (length + page - 1) / page * page, offset, true });
}

void Fuzzer::unmap_all(bool of_region)
{
	std::erase_if(maps_, [&](const Map &map) {
		if (map.of_region == of_region)
			munmap(map.start, map.length);
		return map.of_region == of_region;
	});
}

void Fuzzer::change_map()
{
	if (maps_.empty())
		return;
	const std::size_t index = below(maps_.size());
	Map &map = maps_[index];
	const std::uint64_t from = below(map.length) / page * page;
	const std::uint64_t length = 1 + below(map.length - from);
	switch (below(5)) {
	case 0:
		mprotect(map.start + from, length, static_cast<int>(below(8)));
		break;
	case 1:
		// Advice of any kind, but for what has this process die.
		madvise(map.start + from, length, static_cast<int>(below(26)));
		break;
	case 2: {
		const std::uint64_t wanted = below(2) ? map.length : number();
		void *moved = mremap(map.start, map.length, wanted, MREMAP_MAYMOVE);
		if (moved != MAP_FAILED)
			map = { static_cast<std::byte *>(moved), (wanted + page - 1) / page * page,
				map.offset, map.of_region };
		break;
	}
	case 3:
		// A hole, perhaps in the midst of a huge page. Nothing else is to be put there.
		mmap(map.start + from, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		     -1, 0);
		break;
	default:
		munmap(map.start, map.length);
		maps_.erase(maps_.begin() + static_cast<std::ptrdiff_t>(index));
	}
}

void Fuzzer::keep_if_clean(const Map &map, std::uint64_t at, std::uint64_t value) const
{
	const std::uint64_t offset = (map.offset + at) / e2e::granule * e2e::granule;
	if (!map.of_region || value == 0 || value == word_ ||
	    std::ranges::find(region_.retired, offset) != region_.retired.end())
		return;
	throw Leak(std::format("{:#x} at {:#x} is {:#x}, not {:#x}", map.offset + at, map.offset,
			       value, word_));
}

void Fuzzer::touch()
{
	if (maps_.empty())
		return;
	const Map &map = one_of(maps_);
	const std::uint64_t at = below(map.length / 8) * 8;
	const bool store = below(2);
	if (sigsetjmp(touched, 1))
		return;
	auto *word = reinterpret_cast<volatile std::uint64_t *>(map.start + at);
	const std::uint64_t value = *word;
	keep_if_clean(map, at, value);
	if (store)
		*word = word_;
}

void Fuzzer::fork_and_touch()
{
	const pid_t child = fork();
	if (child == 0) {
		try {
			for (int i = 0; i < 20; i++)
				touch();
		} catch (const Leak &) {
			_exit(1);
		}
		_exit(0);
	}
	int status = 0;
	if (child > 0 && (below(4) == 0 ? kill(child, SIGKILL) : 0) == 0)
		waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		throw Leak("a child has seen something");
}

void Fuzzer::attribute()
{
	constexpr std::array names = { "egm_size",	"state",	 "retired_pages",
				       "retired_count", "cleared_bytes", "gpu_devices",
				       "poison_count",	"mapping_size",	 "base" };
	const UniqueFd file(open(region_.sysfs(one_of(names)).c_str(), O_RDONLY | O_CLOEXEC));
	if (file)
		(void)!pread(file.get(), page_, below(page), static_cast<off_t>(below(4 * page)));
}

void Fuzzer::open_or_close_gpu()
{
	if (gpu_name_.empty())
		return;
	if (gpu_) {
		unmap_all(false);
		gpu_.reset();
		return;
	}
	try {
		gpu_ = std::make_unique<programs::Gpu>(gpu_name_);
	} catch (const std::system_error &) {
		// It is on its way to another driver, or back.
	}
}

void Fuzzer::use_gpu()
{
	if (!gpu_)
		return;
	const int device = gpu_->device().get();
	const auto index = static_cast<std::uint32_t>(below(VFIO_PCI_NUM_REGIONS));
	// Each region has its place in the file.
	const std::uint64_t place = std::uint64_t{ index } << 40;
	constexpr std::array<unsigned long, 6> numbers = {
		VFIO_DEVICE_GET_INFO,	  VFIO_DEVICE_GET_REGION_INFO, VFIO_DEVICE_GET_REGION_INFO,
		VFIO_DEVICE_GET_IRQ_INFO, VFIO_DEVICE_FEATURE,	       VFIO_DEVICE_IOEVENTFD
	};
	switch (below(6)) {
	case 0:
		ioctl(device, one_of(numbers), argument());
		break;
	case 1:
		(void)!pread(device, page_, below(page),
			     static_cast<off_t>(place + (number() & 0xff'ffff'ffff)));
		break;
	case 2:
		// The registers of BAR 0 are left alone: they say whether the memory is ready.
		if (index != VFIO_PCI_BAR0_REGION_INDEX && index != VFIO_PCI_CONFIG_REGION_INDEX)
			(void)!pwrite(device, page_, below(page),
				      static_cast<off_t>(place + (number() & 0xff'ffff'ffff)));
		break;
	case 3: {
		// Command, BARs, and what lies between and behind them
		const std::uint64_t at = below(0x30);
		(void)!pwrite(device, argument(), 1 + below(16),
			      static_cast<off_t>(
				      (std::uint64_t{ VFIO_PCI_CONFIG_REGION_INDEX } << 40) + at));
		break;
	}
	case 4: {
		const std::uint64_t length = page * (1 + below(64));
		const std::uint64_t offset = below(1 << 30) / page * page;
		void *start = e2e::map(device, length, place + offset, PROT_READ | PROT_WRITE,
				       below(8) ? MAP_SHARED : MAP_PRIVATE);
		if (start != MAP_FAILED && maps_.size() <= 30)
			maps_.push_back({ static_cast<std::byte *>(start), length, offset, false });
		else if (start != MAP_FAILED)
			munmap(start, length);
		break;
	}
	default:
		if (below(16) == 0)
			gpu_->function().reset();
		else
			gpu_->set_decoding(below(4) != 0);
	}
}

void Fuzzer::run(std::uint64_t operations)
{
	struct Operation {
		unsigned int weight;
		void (Fuzzer::*call)();
	};
	constexpr std::array<Operation, 12> all = { {
		{ 10, &Fuzzer::open_region },
		{ 20, &Fuzzer::close_one },
		{ 10, &Fuzzer::duplicate },
		{ 300, &Fuzzer::query },
		{ 100, &Fuzzer::seek_and_read },
		{ 80, &Fuzzer::map },
		{ 150, &Fuzzer::change_map },
		{ 600, &Fuzzer::touch },
		{ 2, &Fuzzer::fork_and_touch },
		{ 50, &Fuzzer::attribute },
		{ 200, &Fuzzer::use_gpu },
		{ 2, &Fuzzer::open_or_close_gpu },
	} };
	std::vector<std::size_t> urn;
	for (std::size_t i = 0; i < all.size(); i++)
		urn.insert(urn.end(), all[i].weight, i);

	std::uint64_t latest = 0;
	for (std::uint64_t i = 0; i < operations; i++) {
		try {
			(this->*all[one_of(urn)].call)();
		} catch (const std::system_error &) {
			// Configuration space of a GPU that sleeps.
		} catch (const Leak &leak) {
			throw Leak(std::format("operation {}: {}", i, leak.what()));
		}
		if (kcov_ && kcov_->collect())
			latest = i;
	}
	if (kcov_)
		std::cout << std::format("{} places reached, the last one by call {} of {}\n",
					 kcov_->places(), latest, operations);
}

} // namespace

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4) {
		std::cerr << "usage: fuzz SEED OPERATIONS [GPU]\n";
		return 2;
	}
	try {
		Fuzzer(std::stoull(argv[1]), argc > 3 ? argv[3] : "").run(std::stoull(argv[2]));
	} catch (const std::exception &error) {
		std::cerr << std::format("fuzz: seed {}: {}\n", argv[1], error.what());
		return 1;
	}
	return 0;
}
