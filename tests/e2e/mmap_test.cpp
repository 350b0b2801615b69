// SPDX-License-Identifier: GPL-2.0-or-later
//
// What can be mapped and how, what is seen there, and who else does not see it. The same with
// map=fault and map=remap, but for one test that tells them apart.

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "child.hpp"
#include "kernel_file.hpp"
#include "kernel_log.hpp"
#include "region.hpp"
#include "touch.hpp"

using namespace e2e;

namespace {

const std::uint64_t page = static_cast<std::uint64_t>(getpagesize());

class Mmap : public testing::Test {
protected:
	const Region region = regions().front();
	const UniqueFd owner = region.own();
	/// Away from retired granules and from the edges.
	const std::uint64_t somewhere = region.size / 4;
	const std::uint64_t some = 16 * page;
};

/// How many the kernel has memory for. What is free already is not to be kept for a while, as by
/// KASAN.
unsigned int address_spaces()
{
	write_text("/sys/kernel/slab/mm_struct/shrink", "1");
	std::ifstream slabs("/proc/slabinfo");

	for (std::string line; std::getline(slabs, line);)
		if (line.starts_with("mm_struct "))
			return static_cast<unsigned int>(std::stoul(line.substr(line.find(' '))));
	throw std::runtime_error("the kernel does not count its mm_structs");
}

} // namespace

TEST_F(Mmap, AnySliceFitsAndNothingBeyondTheEnd)
{
	const std::uint64_t size = region.size;
	const struct {
		std::uint64_t offset, length;
		int error;
	} cases[] = {
		{ 0, page, 0 },
		{ 0, size, 0 },
		{ 0, size - page, 0 },
		{ page, page, 0 },
		{ page, size - page, 0 },
		{ size - page, page, 0 },
		{ size / 2, size / 2, 0 },
		// A part of a page stands for all of it.
		{ 0, 1, 0 },
		{ 0, size - 1, 0 },
		{ size - page, page - 1, 0 },

		{ 0, size + 1, EINVAL },
		{ 0, size + page, EINVAL },
		{ 0, 2 * size, EINVAL },
		{ page, size, EINVAL },
		{ page, size - page + 1, EINVAL },
		{ size - page, page + 1, EINVAL },
		{ size - page, 2 * page, EINVAL },
		{ size / 2, size / 2 + page, EINVAL },
		{ size, page, EINVAL },
		{ size, 1, EINVAL },
		{ size + page, page, EINVAL },
		{ 1ull << 40, page, EINVAL },
		{ 0, 1ull << 40, EINVAL },

		{ 0, 0, EINVAL },
		{ size, 0, EINVAL },
		{ 1, page, EINVAL },
		{ page - 1, page, EINVAL },
		{ size - 1, page, EINVAL },

		// Where numbers change their sign or wrap round.
		{ (1ull << 63) - page, page, EINVAL },
		{ (1ull << 63) - page, 2 * page, EINVAL },
		{ 1ull << 63, page, EINVAL },
		{ (1ull << 63) + size, size, EINVAL },
		{ 0 - 2 * page, page, EINVAL },
		{ 0 - size - page, size, EINVAL },
		{ 0 - page, page, EOVERFLOW },
		{ 0 - page, 2 * page, EOVERFLOW },
		{ 0 - page, size, EOVERFLOW },
		{ 0 - size, size, EOVERFLOW },
		{ 0 - size, size + page, EOVERFLOW },
		{ 0, 1ull << 63, ENOMEM },
		{ 0, 0 - page, ENOMEM },
		{ page, 0 - page, ENOMEM },
		{ size - page, 0 - page, ENOMEM },
		{ 0, ~0ull, ENOMEM },
	};

	for (const auto &edge : cases)
		EXPECT_EQ(map_error(owner.get(), edge.length, edge.offset), edge.error)
			<< std::hex << "offset 0x" << edge.offset << ", length 0x" << edge.length;
}

TEST_F(Mmap, PrivateIsInvalidAndTheLogSaysWhatToDo)
{
	KernelLog log;

	EXPECT_EQ(map_error(owner.get(), page, 0, PROT_READ, MAP_PRIVATE), EINVAL);
	EXPECT_EQ(log.count(region.name() + ": "), 1u);
	EXPECT_EQ(log.count("mmap_test"), 1u);
	EXPECT_EQ(log.count("refused: needs MAP_SHARED; QEMU: share=on"), 1u);
	for (int protection : { PROT_NONE, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC })
		EXPECT_EQ(map_error(owner.get(), page, 0, protection, MAP_PRIVATE), EINVAL);
}

TEST_F(Mmap, SharedMayBeAskedForInEitherWay)
{
	EXPECT_EQ(map_error(owner.get(), page, 0, PROT_READ, MAP_SHARED), 0);
	EXPECT_EQ(map_error(owner.get(), page, 0, PROT_READ, MAP_SHARED_VALIDATE), 0);
	EXPECT_EQ(map_error(owner.get(), page, 0, PROT_READ, MAP_SHARED | MAP_POPULATE), 0);
}

// What the kernel knows of a process goes with it, however many have mapped a page each.
TEST_F(Mmap, WhoHasEndedIsForgotten)
{
	constexpr unsigned int children = 150;
	const unsigned int before = address_spaces();

	for (unsigned int i = 0; i < children; i++)
		ASSERT_EQ(outcome([&] { return map_error(owner.get(), page, 0); }), 0);
	EXPECT_LT(address_spaces(), before + children / 2);
}

TEST_F(Mmap, EverySliceShowsItsOwnPlace)
{
	Mapping whole(owner, region.size);

	fill(whole);
	for (std::uint64_t offset = 0; offset < region.size; offset += region.size / 64 + page)
		EXPECT_TRUE(filled(Mapping(owner, std::min(some, region.size - offset), offset),
				   offset));
	EXPECT_TRUE(filled(Mapping(owner, page, region.size - page), region.size - page));
}

TEST_F(Mmap, AWriteThroughOneMappingIsSeenThroughAnother)
{
	Mapping whole(owner, region.size), slice(owner, some, somewhere),
		twin(owner, some, somewhere);

	fill(slice, somewhere);
	EXPECT_TRUE(filled(twin, somewhere));
	for (std::uint64_t offset = somewhere; offset < somewhere + some; offset += 8)
		ASSERT_EQ(*whole.word(offset), mark(offset));
	EXPECT_EQ(*whole.word(somewhere - 8), 0u);
	EXPECT_EQ(*whole.word(somewhere + some), 0u);

	*whole.word(somewhere) = 1;
	EXPECT_EQ(*twin.word(0), 1u);
	EXPECT_EQ(*slice.word(0), 1u);
}

TEST_F(Mmap, AForkedProcessSharesIt)
{
	Mapping memory(owner, some, somewhere);

	*memory.word(0) = 1;
	EXPECT_EQ(outcome([&] {
			  // Of the first page the parent had an entry, of the last one nobody.
			  *memory.word(some - 8) = 2;
			  return *memory.word(0) == 1 ? 0 : 1;
		  }),
		  0);
	EXPECT_EQ(*memory.word(some - 8), 2u);
}

TEST_F(Mmap, ItIsMappedWhereItWasTold)
{
	void *place =
		mmap(nullptr, some, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	std::uint64_t *word = static_cast<std::uint64_t *>(place);

	ASSERT_NE(place, MAP_FAILED);
	word[0] = 1;
	ASSERT_EQ(map(owner.get(), some, somewhere, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		      place),
		  place);
	EXPECT_EQ(word[0], 0u);
	word[0] = mark(somewhere);
	EXPECT_EQ(*Mapping(owner, page, somewhere).word(0), mark(somewhere));
	EXPECT_EQ(map(owner.get(), some, 0, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, place),
		  MAP_FAILED);
	EXPECT_EQ(errno, EEXIST);
	munmap(place, some);
}

TEST_F(Mmap, CodeThatIsPlacedThereRuns)
{
	// mov w0, #42; ret
	constexpr std::array<std::uint32_t, 2> code = { 0x52800540, 0xd65f03c0 };
	Mapping memory(owner, page, somewhere, PROT_READ | PROT_WRITE | PROT_EXEC);
	char *start = reinterpret_cast<char *>(memory.data());

	std::memcpy(start, code.data(), sizeof(code));
	__builtin___clear_cache(start, start + sizeof(code));
	EXPECT_EQ(reinterpret_cast<int (*)()>(start)(), 42);
}

TEST_F(Mmap, WhatMayBeDoneIsWhatWasAskedFor)
{
	Mapping memory(owner, some, somewhere, PROT_READ);

	EXPECT_EQ(*memory.word(0), 0u);
	EXPECT_EQ(write_to(memory.word(0)), -SIGSEGV);
	Mapping none(owner, some, somewhere, PROT_NONE);
	EXPECT_EQ(read_from(none.word(0)), -SIGSEGV);
}

TEST_F(Mmap, ItBehavesAsNormalMemory)
{
	Mapping memory(owner, some, somewhere);
	std::byte *odd = memory.data() + page - 3;
	std::uint64_t value = mark(somewhere);

	// Device memory raises an alignment fault here, ...
	*reinterpret_cast<volatile std::uint64_t *>(odd) = value;
	EXPECT_EQ(*reinterpret_cast<volatile std::uint64_t *>(odd), value);
	// ... here (the C library clears by cache line), ...
	std::memset(memory.data(), 0, some);
	EXPECT_EQ(std::to_integer<int>(*odd), 0);
	// ... and knows no exclusive access.
	std::atomic_ref<std::uint64_t> counter(*memory.word(0));
	EXPECT_EQ(outcome([&] {
			  for (int i = 0; i < 1000; i++)
				  counter++;
			  return 0;
		  }),
		  0);
	counter++;
	EXPECT_EQ(*memory.word(0), 1001u);
}

TEST_F(Mmap, SystemCallsReadAndWriteIt)
{
	Mapping memory(owner, some, somewhere);
	std::array<int, 2> ends;

	ASSERT_EQ(pipe(ends.data()), 0);
	UniqueFd out(ends[0]), in(ends[1]);
	fill(memory, somewhere);
	ASSERT_EQ(write(in.get(), memory.data(), page), static_cast<ssize_t>(page));
	ASSERT_EQ(read(out.get(), memory.data() + page, page), static_cast<ssize_t>(page));
	EXPECT_EQ(std::memcmp(memory.data(), memory.data() + page, page), 0);
}

TEST_F(Mmap, APartCanBeUnmapped)
{
	Mapping memory(owner, some, somewhere);

	fill(memory, somewhere);
	ASSERT_EQ(munmap(memory.data() + 4 * page, 4 * page), 0);
	EXPECT_EQ(read_from(memory.word(4 * page)), -SIGSEGV);
	EXPECT_EQ(read_from(memory.word(8 * page - 8)), -SIGSEGV);
	for (std::uint64_t offset : { 0ul, 4 * page - 8, 8 * page, some - 8 })
		EXPECT_EQ(*memory.word(offset), mark(somewhere + offset));
	// The hole can be closed.
	ASSERT_NE(map(owner.get(), 4 * page, somewhere + 4 * page, PROT_READ,
		      MAP_SHARED | MAP_FIXED, memory.data() + 4 * page),
		  MAP_FAILED);
	EXPECT_TRUE(filled(memory, somewhere));
}

TEST_F(Mmap, ProtectionOfAPartCanBeChanged)
{
	Mapping memory(owner, some, somewhere);

	fill(memory, somewhere);
	ASSERT_EQ(mprotect(memory.data() + 4 * page, 4 * page, PROT_READ), 0);
	EXPECT_EQ(write_to(memory.word(4 * page)), -SIGSEGV);
	EXPECT_EQ(write_to(memory.word(8 * page - 8)), -SIGSEGV);
	EXPECT_TRUE(filled(memory, somewhere));
	ASSERT_EQ(mprotect(memory.data() + 4 * page, 4 * page, PROT_NONE), 0);
	EXPECT_EQ(read_from(memory.word(4 * page)), -SIGSEGV);
	ASSERT_EQ(mprotect(memory.data(), some, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	EXPECT_TRUE(filled(memory, somewhere));
	*memory.word(4 * page) = 1;
	EXPECT_EQ(*Mapping(owner, page, somewhere + 4 * page).word(0), 1u);
}

TEST_F(Mmap, ItMovesAndShrinksButDoesNotGrow)
{
	Mapping first(owner, some, somewhere);
	fill(first, somewhere);

	void *place = mmap(nullptr, some, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(place, MAP_FAILED);
	// The upper half, so that its pages are known by more than where they lie.
	ASSERT_EQ(mremap(first.data() + some / 2, some / 2, some / 2, MREMAP_MAYMOVE | MREMAP_FIXED,
			 place),
		  place);
	EXPECT_EQ(read_from(first.word(some / 2)), -SIGSEGV);
	EXPECT_EQ(*first.word(some / 2 - 8), mark(somewhere + some / 2 - 8));
	std::uint64_t *moved = static_cast<std::uint64_t *>(place);
	for (std::uint64_t offset = 0; offset < some / 2; offset += 8)
		ASSERT_EQ(moved[offset / 8], mark(somewhere + some / 2 + offset));

	ASSERT_EQ(mremap(place, some / 2, page, 0), place);
	EXPECT_EQ(moved[0], mark(somewhere + some / 2));
	EXPECT_EQ(read_from(moved + page / 8), -SIGSEGV);

	EXPECT_EQ(mremap(place, page, 2 * page, MREMAP_MAYMOVE), MAP_FAILED);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(mremap(place, page, region.size + page, MREMAP_MAYMOVE), MAP_FAILED);
	EXPECT_EQ(errno, EFAULT);
	// An old length of 0 asks for a second mapping, of any length.
	EXPECT_EQ(mremap(place, 0, page, MREMAP_MAYMOVE), MAP_FAILED);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(mremap(place, 0, region.size + page, MREMAP_MAYMOVE), MAP_FAILED);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(moved[0], mark(somewhere + some / 2));
	munmap(place, some);
}

TEST_F(Mmap, AMappingCannotBeBentBeyondTheEnd)
{
	// One for each call: a bent mapping loses the old place whether or not it gets the new one.
	auto bent = [&](std::uint64_t to) {
		Mapping memory(owner, 2 * page, somewhere);
		return remap_file_pages(memory.data(), 2 * page, 0, to / page, 0) ? errno : 0;
	};

	EXPECT_EQ(bent(0), 0);
	EXPECT_EQ(bent(region.size - 2 * page), 0);
	EXPECT_EQ(bent(region.size - page), EINVAL);
	EXPECT_EQ(bent(region.size), EINVAL);

	Mapping memory(owner, 2 * page, somewhere);
	ASSERT_EQ(remap_file_pages(memory.data(), 2 * page, 0, 2 * somewhere / page, 0), 0);
	fill(memory, 2 * somewhere);
	EXPECT_TRUE(filled(Mapping(owner, 2 * page, 2 * somewhere), 2 * somewhere));
}

TEST_F(Mmap, ItsPagesAreNotTheKernelsToDropOrCopy)
{
	Mapping memory(owner, some, somewhere);

	fill(memory, somewhere);
	for (int advice : { MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT, MADV_COLD, MADV_DOFORK }) {
		EXPECT_EQ(madvise(memory.data(), some, advice), -1) << advice;
		EXPECT_EQ(errno, EINVAL) << advice;
	}
	EXPECT_TRUE(filled(memory, somewhere));
	EXPECT_EQ(madvise(memory.data(), some, MADV_DODUMP), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(Mmap, TheKernelKnowsItForWhatItIs)
{
	Mapping memory(owner, some, somewhere);
	std::ifstream maps("/proc/self/smaps");
	std::string line, flags;
	bool ours = false;

	while (std::getline(maps, line)) {
		if (line.find(region.node()) != std::string::npos)
			ours = true;
		if (ours && line.starts_with("VmFlags:")) {
			flags = line + " ";
			break;
		}
	}
	// shared, io, pfn map, no growth, no core dump; but a child inherits it
	for (const char *flag : { " sh ", " io ", " pf ", " de ", " dd " })
		EXPECT_NE(flags.find(flag), std::string::npos) << flag << "in" << flags;
	EXPECT_EQ(flags.find(" dc "), std::string::npos) << flags;
}

TEST_F(Mmap, NoOtherProcessGetsAtItThroughItsOwner)
{
	Mapping memory(owner, some, somewhere);
	std::uint64_t ordinary = 42, word = 0;

	fill(memory, somewhere);
	// It has the same at the same places.
	Child child([] { return pause(); });
	UniqueFd mem(open(("/proc/" + std::to_string(child.pid()) + "/mem").c_str(), O_RDWR));
	ASSERT_TRUE(mem) << strerror(errno);

	iovec local = { &word, sizeof(word) }, remote = { &ordinary, sizeof(ordinary) };
	ASSERT_EQ(process_vm_readv(child.pid(), &local, 1, &remote, 1, 0), 8) << strerror(errno);
	remote.iov_base = memory.data();
	EXPECT_EQ(process_vm_readv(child.pid(), &local, 1, &remote, 1, 0), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(process_vm_writev(child.pid(), &local, 1, &remote, 1, 0), -1);
	EXPECT_EQ(errno, EFAULT);

	auto place = [](void *address) {
		return static_cast<off_t>(reinterpret_cast<std::uintptr_t>(address));
	};
	ASSERT_EQ(pread(mem.get(), &word, 8, place(&ordinary)), 8) << strerror(errno);
	EXPECT_EQ(pread(mem.get(), &word, 8, place(memory.data())), -1);
	EXPECT_EQ(errno, EIO);
	EXPECT_EQ(pwrite(mem.get(), &word, 8, place(memory.data())), -1);
	EXPECT_EQ(errno, EIO);

	ASSERT_EQ(ptrace(PTRACE_ATTACH, child.pid(), nullptr, nullptr), 0) << strerror(errno);
	ASSERT_EQ(waitpid(child.pid(), nullptr, 0), child.pid());
	errno = 0;
	ASSERT_EQ(ptrace(PTRACE_PEEKDATA, child.pid(), &ordinary, nullptr), 42);
	ASSERT_EQ(errno, 0);
	EXPECT_EQ(ptrace(PTRACE_PEEKDATA, child.pid(), memory.data(), nullptr), -1);
	EXPECT_EQ(errno, EIO);
	EXPECT_EQ(ptrace(PTRACE_POKEDATA, child.pid(), memory.data(), nullptr), -1);
	EXPECT_EQ(errno, EIO);

	EXPECT_EQ(word, 42u);
	EXPECT_TRUE(filled(memory, somewhere));
}

TEST_F(Mmap, PagesComeAtATouchOrAllAtOnce)
{
	const std::uint64_t pages = 2048;
	Mapping memory(owner, pages * page, somewhere);
	const long seen = touch(memory.data(), pages * page).faults;

	if (mapped_at_once())
		EXPECT_EQ(seen, 0);
	else
		// One may bring a whole page table.
		EXPECT_GE(seen, static_cast<long>(pages / (page / 8)));
}
