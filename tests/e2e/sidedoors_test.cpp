// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whoever is not the owner gets at the memory by no other way, and no driver gets hold of its
// pages. What mmap(2) itself says no to is in mmap_test.cpp, and so are ptrace, process_vm_readv
// and /proc/PID/mem.

#include <elf.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/loop.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <format>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "child.hpp"
#include "kernel_file.hpp"
#include "region.hpp"
#include "touch.hpp"

using namespace e2e;

namespace {

const std::uint64_t page = static_cast<std::uint64_t>(getpagesize());

/// Debian's kernels have all that is asked for here; one that is made for tests need not.
bool is_debian()
{
	return std::string_view(std::getenv("EGM_KERNEL")).starts_with("debian-");
}

class SideDoors : public testing::Test {
protected:
	void TearDown() override
	{
		// Whoever came by a side door, this is what is not to be changed.
		if (memory.data() != MAP_FAILED) {
			EXPECT_TRUE(filled(memory, somewhere));
		}
	}

	const Region region = regions().front();
	/// Blocks, where they are no larger than that.
	const std::uint64_t some = 4 << 20;
	const std::uint64_t somewhere = region.size / 4;
	UniqueFd owner = region.own();
	Mapping memory = filled_mapping();
	/// For comparison: what works with it must not fail for another reason.
	Mapping ordinary = Mapping::anonymous(some);

	/// Text about our mapping from /proc/self/smaps.
	std::string smaps() const
	{
		const std::string all = text_of("/proc/self/smaps");
		const std::size_t start = all.find(
			std::format("\n{:x}-", reinterpret_cast<std::uintptr_t>(memory.data())));
		// It ends with the first line that only a VMA has: VmFlags.
		return all.substr(start + 1, all.find('\n', all.find("VmFlags:", start)) - start);
	}

private:
	Mapping filled_mapping()
	{
		Mapping mapping(owner, some, somewhere);

		fill(mapping, somewhere);
		return mapping;
	}
};

} // namespace

TEST_F(SideDoors, DevMemIsShutAsLongAsTheDriverHasTheRegion)
{
	const std::string modules = std::getenv("EGM_MODULES");
	const std::uint64_t base = region.description["base"];
	const auto maps = [&](const UniqueFd &file, std::uint64_t address, int protection) {
		return map_error(file.get(), page, address, protection);
	};

	memory = {};
	owner.reset();
	UniqueFd file(open("/dev/mem", O_RDWR | O_CLOEXEC));
	if (!file) {
		EXPECT_FALSE(is_debian()) << strerror(errno);
		EXPECT_EQ(errno, ENOENT);
		return;
	}
	run({ "rmmod", "nvgrace_egm" });
	run({ "rmmod", "nvgrace_gpu_vfio_pci" });
	// Nobody's memory can be mapped; what the kernel has is refused: it is strict.
	Mapping before(file, page, base + somewhere);
	*before.word(0) = mark(somewhere);
	EXPECT_EQ(read_from(before.word(0)), 0);
	EXPECT_EQ(maps(file, base, PROT_READ), 0);
	std::ifstream iomem("/proc/iomem");
	std::string ram;
	while (std::getline(iomem, ram) && !ram.ends_with(": System RAM"))
		;
	EXPECT_EQ(maps(file, std::stoull(ram, nullptr, 16), PROT_READ), EPERM) << ram;

	run({ "insmod", modules + "/nvgrace-gpu-vfio-pci.ko" });
	run({ "insmod", modules + "/nvgrace-egm.ko",
	      std::string("map=") + std::getenv("EGM_MAP") });
	const auto shut = [&](const std::string &when) {
		// The mapping from before was taken away.
		EXPECT_EQ(read_from(before.word(0)), -SIGBUS) << when;
		for (std::uint64_t offset : { 0ul, somewhere, region.size - page }) {
			std::uint64_t word = 0;
			const auto place = static_cast<off_t>(base + offset);

			for (int protection : { PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE })
				EXPECT_EQ(maps(file, base + offset, protection), EPERM) << when;
			EXPECT_EQ(pread(file.get(), &word, sizeof(word), place), -1) << when;
			EXPECT_TRUE(errno == EPERM || errno == EFAULT) << when << ": " << errno;
			EXPECT_EQ(pwrite(file.get(), &word, sizeof(word), place), -1) << when;
			EXPECT_TRUE(errno == EPERM || errno == EFAULT) << when << ": " << errno;
		}
		// It is the claim that shuts it: its neighbour is nobody's.
		EXPECT_EQ(maps(file, base - page, PROT_READ), 0) << when;
	};
	shut("idle");
	owner = region.own();
	shut("in use");
	memory = Mapping(owner, some, somewhere);
	fill(memory, somewhere);
	shut("mapped");
}

TEST_F(SideDoors, KcoreHasNothingOfIt)
{
	const std::uint64_t base = region.description["base"];
	std::ifstream file("/proc/kcore", std::ios::binary);
	Elf64_Ehdr header;
	bool has_ram = false;

	if (!file) {
		EXPECT_FALSE(is_debian());
		return;
	}
	ASSERT_TRUE(file.read(reinterpret_cast<char *>(&header), sizeof(header)));
	ASSERT_GT(header.e_phnum, 1);
	for (unsigned int number = 0; number < header.e_phnum; number++) {
		Elf64_Phdr part;

		file.seekg(static_cast<std::streamoff>(header.e_phoff + number * sizeof(part)));
		ASSERT_TRUE(file.read(reinterpret_cast<char *>(&part), sizeof(part)));
		// Virtual memory has no place in the physical one.
		if (part.p_type != PT_LOAD || part.p_paddr == ~0ull)
			continue;
		has_ram = true;
		EXPECT_TRUE(part.p_paddr + part.p_memsz <= base ||
			    part.p_paddr >= base + region.size)
			<< std::hex << part.p_paddr << " + " << part.p_memsz;
	}
	EXPECT_TRUE(has_ram);
}

TEST_F(SideDoors, ACoreDumpHasNothingOfIt)
{
	constexpr std::uint64_t elsewhere = 1ull << 40;
	const std::string path = "/tmp/sidedoors.core";

	fill(ordinary, elsewhere);
	{
		Setting pattern("/proc/sys/kernel/core_pattern", path);
		Setting pid("/proc/sys/kernel/core_uses_pid", "0");
		EXPECT_EQ(outcome([&] {
				  const rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

				  setrlimit(RLIMIT_CORE, &all);
				  write_text("/proc/self/coredump_filter", "0x1ff");
				  // In any way that may be asked for:
				  if (!madvise(memory.data(), some, MADV_DODUMP))
					  return 1;
				  touch(memory.data(), some);
				  signal(SIGABRT, SIG_DFL);
				  abort();
			  }),
			  -SIGABRT);
	}
	const std::string core = text_of(path);
	unlink(path.c_str());
	// All in a core is aligned.
	const auto count = [&](std::uint64_t offset) {
		const std::span words(reinterpret_cast<const std::uint64_t *>(core.data()),
				      core.size() / 8);
		return std::ranges::count_if(words, [&](std::uint64_t word) {
			return word >= mark(offset) && word < mark(offset + some);
		});
	};
	// The kernel was asked for all that can be had and has left this out. But a few words may
	// be in registers.
	EXPECT_GE(count(elsewhere), static_cast<std::ptrdiff_t>(some / 8));
	EXPECT_LT(count(somewhere), 64);
}

namespace {

/// A call that would hold on to the pages of a buffer, or hand them to a device.
struct Grip {
	std::string name;
	/// 0 or errno
	std::function<int(void *, std::uint64_t)> take;
	/// What it says of our pages.
	int error = EFAULT;
	friend void PrintTo(const Grip &grip, std::ostream *stream) { *stream << grip.name; }
};

int error_of(long result)
{
	return result < 0 ? errno : 0;
}

int splice_to_pipe(void *buffer, std::uint64_t length)
{
	std::array<int, 2> ends;
	const iovec data = { buffer, std::min(length, 4 * page) };

	check(pipe(ends.data()), "pipe");
	UniqueFd out(ends[0]), in(ends[1]);
	return error_of(vmsplice(in.get(), &data, 1, 0));
}

int register_with_io_uring(void *buffer, std::uint64_t length)
{
	io_uring_params parameters = {};
	const iovec data = { buffer, length };
	UniqueFd ring(check(static_cast<int>(syscall(SYS_io_uring_setup, 1, &parameters)),
			    "io_uring_setup"));

	return error_of(
		syscall(SYS_io_uring_register, ring.get(), IORING_REGISTER_BUFFERS, &data, 1));
}

/// From the pages to the network without a copy.
int send_uncopied(void *buffer, std::uint64_t)
{
	UniqueFd receiver(check(socket(AF_INET, SOCK_DGRAM, 0), "socket"));
	UniqueFd sender(check(socket(AF_INET, SOCK_DGRAM, 0), "socket"));
	sockaddr_in address = {};
	socklen_t length = sizeof(address);
	const int yes = 1;

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(bind(receiver.get(), reinterpret_cast<sockaddr *>(&address), length), "bind");
	check(getsockname(receiver.get(), reinterpret_cast<sockaddr *>(&address), &length), "port");
	check(setsockopt(sender.get(), SOL_SOCKET, SO_ZEROCOPY, &yes, sizeof(yes)), "SO_ZEROCOPY");
	return error_of(sendto(sender.get(), buffer, 16384, MSG_ZEROCOPY,
			       reinterpret_cast<sockaddr *>(&address), length));
}

/// A disk that can do DMA, or at least behaves as if it did.
class Disk {
public:
	Disk() : backing_(check(memfd_create("disk", 0), "memfd"))
	{
		check(ftruncate(backing_.get(), 1 << 20), "ftruncate");
		UniqueFd control = open_file("/dev/loop-control", O_RDWR);
		const int number =
			check(ioctl(control.get(), LOOP_CTL_GET_FREE), "free loop device");

		disk_ = open_file("/dev/loop" + std::to_string(number), O_RDWR | O_DIRECT);
		check(ioctl(disk_.get(), LOOP_SET_FD, backing_.get()), "LOOP_SET_FD");
	}
	~Disk() { ioctl(disk_.get(), LOOP_CLR_FD); }
	int fd() const { return disk_.get(); }

private:
	UniqueFd backing_, disk_;
};

int write_directly(void *buffer, std::uint64_t)
{
	return error_of(pwrite(Disk().fd(), buffer, 65536, 0));
}

int read_directly(void *buffer, std::uint64_t)
{
	return error_of(pread(Disk().fd(), buffer, 65536, 0));
}

/// The kernel would know the place by its page.
int wait_on_shared_futex(void *buffer, std::uint64_t)
{
	const timespec soon = { 0, 1 };
	// The word is not what we say: that comes after the place was found.
	const int error = error_of(syscall(SYS_futex, buffer, FUTEX_WAIT, 1, &soon, nullptr, 0));

	return error == EAGAIN ? 0 : error;
}

int move_to_node_0(void *buffer, std::uint64_t)
{
	const int node = 0;
	int status = 0;

	if (syscall(SYS_move_pages, 0, 1ul, &buffer, &node, &status, 0))
		return errno;
	return status < 0 ? -status : 0;
}

class Gripped : public SideDoors, public testing::WithParamInterface<Grip> {};

} // namespace

TEST_P(Gripped, TakesHoldOfOrdinaryPagesOnly)
{
	const Grip &grip = GetParam();

	std::ranges::fill(ordinary.bytes(), 0);
	EXPECT_EQ(grip.take(ordinary.data(), some), 0) << "of ordinary memory";
	for (std::uint64_t offset : { 0ul, some / 2 })
		EXPECT_EQ(grip.take(memory.data() + offset, some / 2), grip.error) << offset;
	// Where there is no entry yet, and where there are only single pages.
	Mapping fresh(owner, some, somewhere), single(owner, 16 * page, somewhere + page);
	EXPECT_EQ(grip.take(fresh.data(), some), grip.error);
	EXPECT_EQ(grip.take(single.data(), 16 * page), grip.error);
}

INSTANTIATE_TEST_SUITE_P(, Gripped,
			 testing::Values(Grip{ "vmsplice", splice_to_pipe },
					 Grip{ "IoUringBuffers", register_with_io_uring },
					 Grip{ "MsgZeroCopy", send_uncopied },
					 Grip{ "DirectWrite", write_directly },
					 Grip{ "DirectRead", read_directly },
					 Grip{ "SharedFutex", wait_on_shared_futex },
					 Grip{ "MovePages", move_to_node_0 }),
			 [](const auto &grip) { return grip.param.name; });

// That is what the memory is for, and no leak: the owner's own calls copy.
TEST_F(SideDoors, CallsThatCopyWork)
{
	std::array<int, 2> ends;
	std::vector<std::uint64_t> copy(page / 8);
	const auto length = static_cast<ssize_t>(page);

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
	UniqueFd from(ends[0]), to(ends[1]);
	ASSERT_EQ(send(from.get(), memory.data(), page, 0), length) << strerror(errno);
	ASSERT_EQ(recv(to.get(), copy.data(), page, MSG_WAITALL), length) << strerror(errno);
	for (std::uint64_t i = 0; i < copy.size(); i++)
		ASSERT_EQ(copy[i], mark(somewhere + 8 * i));

	UniqueFd file(memfd_create("file", 0));
	ASSERT_EQ(pwrite(file.get(), memory.data() + some / 2, page, 0), length);
	ASSERT_EQ(pread(file.get(), memory.data() + some / 2, page, 0), length) << strerror(errno);

	// A futex that is not shared is known by its address.
	EXPECT_EQ(syscall(SYS_futex, memory.data(), FUTEX_WAIT_PRIVATE, 1, nullptr, nullptr, 0),
		  -1);
	EXPECT_EQ(errno, EAGAIN);
}

TEST_F(SideDoors, NobodyHandlesItsFaultsInUserSpace)
{
	// Who wants to know of writes without a say in them may ask for more kinds of memory.
	for (std::uint64_t features : std::array<std::uint64_t, 2>{ 0, UFFD_FEATURE_WP_ASYNC }) {
		UniqueFd handler(
			static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
		if (!handler) {
			EXPECT_FALSE(is_debian());
			EXPECT_EQ(errno, ENOSYS);
			return;
		}
		uffdio_api api = {};
		api.api = UFFD_API;
		api.features = features;
		ASSERT_EQ(ioctl(handler.get(), UFFDIO_API, &api), 0) << strerror(errno);

		const auto error = [&](const Mapping &mapping, std::uint64_t mode) {
			uffdio_register area = {};

			area.range = { reinterpret_cast<std::uintptr_t>(mapping.data()), some };
			area.mode = mode;
			return error_of(ioctl(handler.get(), UFFDIO_REGISTER, &area));
		};
		EXPECT_EQ(error(ordinary,
				features ? UFFDIO_REGISTER_MODE_WP : UFFDIO_REGISTER_MODE_MISSING),
			  0);
		for (std::uint64_t mode :
		     { UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
		       UFFDIO_REGISTER_MODE_MINOR,
		       UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP })
			EXPECT_EQ(error(memory, mode), EINVAL) << mode;
	}
}

TEST_F(SideDoors, LockingAndPopulatingChangeNothing)
{
	const auto locked = [] {
		const std::string status = text_of("/proc/self/status");
		return std::stoul(status.substr(status.find("VmLck:") + 6));
	};

	// It cannot leave the memory anyway: no limit is used up.
	EXPECT_EQ(mlock(memory.data(), some), 0) << strerror(errno);
	EXPECT_EQ(mlock2(memory.data(), some, MLOCK_ONFAULT), 0) << strerror(errno);
	EXPECT_EQ(locked(), 0u);
	EXPECT_EQ(munlock(memory.data(), some), 0);
	for (int flag : { MAP_LOCKED, MAP_POPULATE, MAP_POPULATE | MAP_NONBLOCK }) {
		void *place = map(owner.get(), some, somewhere, PROT_READ, MAP_SHARED | flag);

		ASSERT_NE(place, MAP_FAILED) << flag << ": " << strerror(errno);
		// Its pages come when they are touched, or were there at once: as without the flag.
		EXPECT_EQ(touch(place, some).faults > 0, !mapped_at_once()) << flag;
		EXPECT_EQ(*static_cast<std::uint64_t *>(place), mark(somewhere));
		munmap(place, some);
	}
	EXPECT_EQ(locked(), 0u);

	EXPECT_EQ(outcome([&] {
			  if (mlockall(MCL_CURRENT | MCL_FUTURE))
				  return 1;
			  Mapping later(owner, some, somewhere);
			  return filled(later, somewhere) && filled(memory, somewhere) ? 0 : 2;
		  }),
		  0);
}

TEST_F(SideDoors, EqualPagesAreNotMerged)
{
	// As if it did not know better: an advice.
	EXPECT_EQ(madvise(memory.data(), some, MADV_MERGEABLE), 0) << strerror(errno);
	EXPECT_EQ(smaps().find(" mg"), std::string::npos) << smaps();
#ifdef PR_SET_MEMORY_MERGE
	EXPECT_EQ(outcome([&] {
			  if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0))
				  return 1;
			  return smaps().find(" mg") == std::string::npos ? 0 : 2;
		  }),
		  0);
#endif
	EXPECT_EQ(madvise(memory.data(), some, MADV_UNMERGEABLE), 0) << strerror(errno);
}

TEST_F(SideDoors, ProcTellsNothingOfItsPages)
{
	std::vector<std::uint64_t> entries(some / page, ~0ull);
	UniqueFd pagemap = open_file("/proc/self/pagemap", O_RDONLY);
	const auto place =
		static_cast<off_t>(reinterpret_cast<std::uintptr_t>(memory.data()) / page * 8);

	ASSERT_EQ(pread(pagemap.get(), entries.data(), entries.size() * 8, place),
		  static_cast<ssize_t>(entries.size() * 8));
	// No frame, not present, not swapped.
	for (std::uint64_t entry : entries)
		ASSERT_EQ(entry & ((1ull << 55) - 1 + (3ull << 62)), 0u);
	// It is nobody's RAM.
	EXPECT_NE(smaps().find("\nRss:                   0 kB"), std::string::npos) << smaps();
}

TEST_F(SideDoors, TheOwnersDescriptorInProcIsADoorLikeAnyOther)
{
	const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
	const std::string self = "/proc/" + std::to_string(getpid());

	for (const std::string &door :
	     { std::format("{}/fd/{}", self, owner.get()),
	       std::format("{}/map_files/{:x}-{:x}", self, address, address + some) }) {
		const int child = outcome([&] {
			if (open(door.c_str(), O_RDWR) >= 0 || errno != EBUSY)
				return 1;
			UniqueFd query(open(door.c_str(), O_RDONLY));
			if (!query)
				return 2;
			return map_error(query.get(), page, 0, PROT_READ) == EACCES ? 0 : 3;
		});
		EXPECT_EQ(child, 0) << door;
	}
	EXPECT_EQ(region.state(), "in-use");
}

namespace {

/// A second node of the same device, whose inode is not that of the first.
class OtherNode {
public:
	explicit OtherNode(const Region &region)
	{
		struct stat node;

		check(stat(region.node().c_str(), &node), "stat");
		check(mknod(path.c_str(), S_IFCHR | 0600, node.st_rdev), "mknod");
	}
	~OtherNode() { unlink(path.c_str()); }

	const std::string path = "/dev/shm/egm";
};

} // namespace

TEST_F(SideDoors, AnotherNodeIsADoorToTheSameRoom)
{
	OtherNode other(region);
	const auto errno_of_open = [](const std::string &path) {
		return UniqueFd(open(path.c_str(), O_RDWR | O_CLOEXEC)) ? 0 : errno;
	};

	EXPECT_EQ(errno_of_open(other.path), EBUSY);
	memory = {};
	owner.reset();
	owner = open_file(other.path, O_RDWR);
	EXPECT_EQ(region.open_error(O_RDWR), EBUSY);
	EXPECT_EQ(errno_of_open(other.path), EBUSY);
	memory = Mapping(owner, some, somewhere);
	EXPECT_EQ(*memory.word(0), 0u) << "it was not cleared";
	fill(memory, somewhere);
}

TEST_F(SideDoors, RemovalTakesTheMemoryThroughAllDoors)
{
	OtherNode other(region);

	memory = {};
	owner.reset();
	owner = open_file(other.path, O_RDWR);
	Mapping whole(owner, region.size), untouched(owner, some, somewhere), sealed(owner, some);
	Mapping locked(owner, some, 2 * somewhere);
	std::vector<std::uint64_t *> words;

	for (const Mapping *mapping : { &whole, &sealed, &locked }) {
		*mapping->word(0) = 1;
		*mapping->word(some - 8) = 1;
		words.push_back(mapping->word(0));
		words.push_back(mapping->word(some - 8));
	}
	words.push_back(untouched.word(0));
	EXPECT_EQ(mlock(locked.data(), some), 0);
	// In a process that ends, as a sealed mapping cannot be unmapped.
	EXPECT_EQ(outcome([&] {
			  if (syscall(SYS_mseal, sealed.data(), some, 0) ||
			      !munmap(sealed.data(), some))
				  return is_debian() ? 1 : 0;
			  Removal removal(region);
			  for (std::uint64_t *word : words)
				  if (read_from(word) != -SIGBUS)
					  return 2;
			  return 0;
		  }),
		  0);
	// Here too, although the driver is back.
	for (std::uint64_t *word : words)
		EXPECT_EQ(read_from(word), -SIGBUS);
	EXPECT_EQ(map_error(owner.get(), page, 0), ENODEV);
}
