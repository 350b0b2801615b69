// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who may open the device, for how long they have it, and what they find in it.

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <linux/egm.h>
#include <linux/io_uring.h>

#include "child.hpp"
#include "kernel_log.hpp"
#include "region.hpp"
#include "wait.hpp"

using namespace e2e;

namespace {

/// Neither for reading nor for writing, so that ioctl(2) is all there is.
constexpr int O_NEITHER = 3;

class Open : public testing::Test {
protected:
	void SetUp() override { ASSERT_EQ(region.state(), "idle"); }
	void TearDown() override { EXPECT_EQ(region.state(), "idle") << "somebody has it still"; }

	Region region = regions().front();
	KernelLog log;

	/// The opener waits for nobody any more.
	static bool begun(const std::string &state)
	{
		return state == "clearing" || state == "in-use";
	}

	/// How often the region has been cleared since the test began.
	std::size_t clears() { return log.count(region.name() + ": cleared "); }

	/// Runs `body` with the child that clears the region, again until all of it was over
	/// before the clear was. The child then has the region, till the end of the round.
	void during_a_clear(
		const std::function<void(Child &)> &body,
		const std::function<void()> &prepare = [] {})
	{
		bool in_time = false;

		wait_until([&] {
			Event done;
			Child opener([&] {
				prepare();
				UniqueFd fd = region.open(O_RDWR);
				if (!fd)
					return errno;
				done.wait();
				return 0;
			});
			EXPECT_TRUE(wait_until([&] { return begun(region.state()); }));
			body(opener);
			in_time = region.state() == "clearing";
			done.set();
			EXPECT_EQ(opener.wait(), 0);
			return in_time || HasFailure();
		});
		EXPECT_TRUE(in_time) << "never seen while it is cleared";
	}

	/// All bits of a word in each granule that can be used; then the words are marked.
	std::uint64_t take_and_mark(const Mapping &memory) const
	{
		std::uint64_t all = 0;

		for (std::uint64_t offset = 0; offset < region.size; offset += granule) {
			if (std::ranges::find(region.retired, offset) != region.retired.end())
				continue;
			all |= *memory.word(offset);
			*memory.word(offset) = mark(offset);
		}
		return all;
	}
};

/// The number of retired granules by ioctl(2), or the negated errno.
long retired_granules(const UniqueFd &fd)
{
	egm_retired_pages_list list = {};

	list.argsz = sizeof(list);
	if (ioctl(fd.get(), EGM_RETIRED_PAGES_LIST, &list))
		return -errno;
	return (list.argsz - sizeof(list)) / sizeof(egm_retired_page);
}

} // namespace

// The suite has put words there before the modules were loaded: this comes first.
TEST_F(Open, TheFirstOwnerSeesNothingOfTheFirmware)
{
	UniqueFd owner = region.own();

	EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
}

TEST_F(Open, AnOwnerHasItClearedOnceBeforeOpenReturns)
{
	UniqueFd owner = region.own();

	EXPECT_EQ(clears(), 1u);
	EXPECT_EQ(region.state(), "in-use");
}

TEST_F(Open, ASecondOwnerIsTurnedAwayAtOnce)
{
	UniqueFd owner = region.own();

	for (int flags : { 0, O_NONBLOCK, O_SYNC, O_APPEND, O_TRUNC })
		EXPECT_EQ(region.open_error(O_RDWR | flags), EBUSY) << std::oct << flags;
	EXPECT_EQ(clears(), 1u);
}

TEST_F(Open, ASecondOwnerByAnotherNodeIsTurnedAwayToo)
{
	UniqueFd owner = region.own();
	const char *other = "/dev/shm/egm";
	struct stat node;

	ASSERT_EQ(stat(region.node().c_str(), &node), 0);
	ASSERT_EQ(mknod(other, S_IFCHR | 0600, node.st_rdev), 0);
	UniqueFd second(open(other, O_RDWR));
	EXPECT_FALSE(second);
	EXPECT_EQ(errno, EBUSY);
	unlink(other);
}

TEST_F(Open, ASecondOwnerIsTurnedAwayDuringAClearToo)
{
	during_a_clear([&](Child &) { EXPECT_EQ(region.open_error(O_RDWR), EBUSY); });
}

TEST_F(Open, NonblockDoesNotMatterWhereNothingDrains)
{
	UniqueFd owner = region.open(O_RDWR | O_NONBLOCK);

	ASSERT_TRUE(owner) << strerror(errno);
	EXPECT_EQ(clears(), 1u);
	EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
}

TEST_F(Open, StateGoesFromIdleOverClearingToInUseAndBack)
{
	EXPECT_TRUE(wait_until([&] {
		std::vector<std::string> states = { region.state() };
		Event done;
		Child opener([&] {
			UniqueFd fd = region.own();
			done.wait();
			return 0;
		});
		EXPECT_TRUE(wait_until([&] {
			if (std::string state = region.state(); state != states.back())
				states.push_back(state);
			return states.back() == "in-use";
		}));
		done.set();
		EXPECT_EQ(opener.wait(), 0);
		states.push_back(region.state());

		// Shorter than a look at it a clear may be, and draining is over before it began.
		std::erase(states, "draining");
		if (states == std::vector<std::string>{ "idle", "in-use", "idle" })
			return false;
		EXPECT_EQ(states,
			  (std::vector<std::string>{ "idle", "clearing", "in-use", "idle" }));
		return true;
	})) << "never seen while it is cleared";
}

TEST_F(Open, WhoPollsTheStateIsWokenByEachChange)
{
	UniqueFd state(::open(region.sysfs("state").c_str(), O_RDONLY | O_CLOEXEC));
	ASSERT_TRUE(state) << strerror(errno);
	// Reading is what the next change is counted from.
	auto read_it = [&] {
		std::array<char, 32> text;
		return pread(state.get(), text.data(), text.size(), 0) > 0;
	};
	auto has_changed = [&](int milliseconds) {
		pollfd poller = { .fd = state.get(), .events = POLLPRI, .revents = 0 };
		return poll(&poller, 1, milliseconds) == 1;
	};
	const auto patience_ms = static_cast<int>(std::chrono::milliseconds(patience).count());

	ASSERT_TRUE(read_it());
	EXPECT_FALSE(has_changed(0));
	UniqueFd owner = region.own();
	EXPECT_TRUE(has_changed(patience_ms));
	ASSERT_TRUE(read_it());
	EXPECT_FALSE(has_changed(0));
	owner.reset();
	EXPECT_TRUE(has_changed(patience_ms));
}

TEST_F(Open, WriteOnlyAndDirectAreInvalidAndClearNothing)
{
	const std::array refused = {
		O_WRONLY,
		O_WRONLY | O_NONBLOCK,
		O_WRONLY | O_DIRECT,
		O_RDWR | O_DIRECT,
		O_RDWR | O_DIRECT | O_NONBLOCK,
		O_RDONLY | O_DIRECT,
		O_NEITHER | O_DIRECT,
	};

	for (int flags : refused)
		EXPECT_EQ(region.open_error(flags), EINVAL) << std::oct << flags;
	EXPECT_EQ(clears(), 0u);
	EXPECT_EQ(region.state(), "idle");

	// What is wrong with the flags is wrong whoever has the region.
	UniqueFd owner = region.own();
	for (int flags : refused)
		EXPECT_EQ(region.open_error(flags), EINVAL) << std::oct << flags;
	EXPECT_EQ(clears(), 1u);
}

class QueryHandle : public Open, public testing::WithParamInterface<int> {};

TEST_P(QueryHandle, AnyNumberAnswersBesideAnOwner)
{
	UniqueFd owner = region.own();
	std::vector<UniqueFd> handles;

	for (int i = 0; i < 100; i++) {
		handles.push_back(region.open(GetParam()));
		ASSERT_TRUE(handles.back()) << strerror(errno);
	}
	for (const UniqueFd &handle : handles) {
		EXPECT_EQ(retired_granules(handle), static_cast<long>(region.retired.size()));
		EXPECT_EQ(lseek(handle.get(), 0, SEEK_END), static_cast<off_t>(region.size));
	}
	EXPECT_EQ(region.state(), "in-use");
	EXPECT_EQ(clears(), 1u);
}

TEST_P(QueryHandle, OwnsNothingAndClearsNothing)
{
	UniqueFd handle = region.open(GetParam());

	ASSERT_TRUE(handle) << strerror(errno);
	EXPECT_EQ(region.state(), "idle");
	EXPECT_EQ(clears(), 0u);
	EXPECT_EQ(region.open_error(O_RDWR), 0);
}

TEST_P(QueryHandle, LeavesTheMemoryOfTheOwnerAlone)
{
	UniqueFd owner = region.own();
	Mapping memory(owner, region.size / 16);

	fill(memory);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(region.open_error(GetParam()), 0);
	EXPECT_TRUE(filled(memory));
	EXPECT_EQ(clears(), 1u);
}

TEST_P(QueryHandle, NeverWaitsForAClear)
{
	during_a_clear([&](Child &) {
		UniqueFd handle = region.open(GetParam());

		ASSERT_TRUE(handle) << strerror(errno);
		EXPECT_EQ(retired_granules(handle), static_cast<long>(region.retired.size()));
		EXPECT_EQ(lseek(handle.get(), 0, SEEK_END), static_cast<off_t>(region.size));
	});
}

TEST_P(QueryHandle, CannotMapWhateverItAsksFor)
{
	UniqueFd handle = region.open(GetParam());
	std::uint64_t page = static_cast<std::uint64_t>(getpagesize());

	ASSERT_TRUE(handle) << strerror(errno);
	for (int flags : { MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE }) {
		for (int protection :
		     { PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE, PROT_EXEC })
			EXPECT_EQ(map_error(handle.get(), page, 0, protection, flags), EACCES)
				<< flags << " " << protection;
		// No other fault of the call is named before this one.
		EXPECT_EQ(map_error(handle.get(), page, region.size, PROT_READ, flags), EACCES);
	}
}

INSTANTIATE_TEST_SUITE_P(, QueryHandle, testing::Values(O_RDONLY, O_NEITHER), [](const auto &mode) {
	return mode.param == O_RDONLY ? "ForReading" : "ForNeither";
});

TEST_F(Open, NothingIsLeftAfterClose)
{
	{
		UniqueFd owner = region.own();
		Mapping memory(owner, region.size);
		fill(memory);
		ASSERT_TRUE(filled(memory));
	}
	UniqueFd owner = region.own();
	EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
}

TEST_F(Open, NothingIsLeftOfAnOwnerWhoWasKilled)
{
	Event filled_it;
	Child child([&] {
		UniqueFd owner = region.own();
		Mapping memory(owner, region.size);
		fill(memory);
		filled_it.set();
		pause();
		return 0;
	});

	filled_it.wait();
	EXPECT_EQ(child.kill(), -SIGKILL);
	UniqueFd owner = region.take_over();
	EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
}

TEST_F(Open, AnOpenerKilledWhileItClearsLeavesAllToTheNext)
{
	bool killed = false;

	wait_until([&] {
		{
			UniqueFd owner = region.own();
			fill(Mapping(owner, region.size));
		}
		std::size_t before = clears();
		Child opener([&] { return region.open_error(O_RDWR); });
		std::string state;
		EXPECT_TRUE(wait_until([&] { return begun(state = region.state()); }));
		opener.signal(SIGKILL);
		// Cleared to the end before the signal came? Then once more.
		killed = opener.wait() == -SIGKILL && state == "clearing" && clears() == before;
		return killed || HasFailure();
	});
	ASSERT_TRUE(killed) << "never caught while it cleared";

	EXPECT_EQ(region.state(), "idle");
	std::size_t before = clears();
	UniqueFd owner = region.own();
	EXPECT_EQ(clears(), before + 1);
	EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
}

TEST_F(Open, ASignalThatIsHandledDoesNotEndAClear)
{
	during_a_clear([](Child &opener) { opener.signal(SIGUSR1); },
		       [] {
			       // Without SA_RESTART: an open that was interrupted would say so.
			       struct sigaction action = {};

			       action.sa_handler = [](int) {};
			       sigaction(SIGUSR1, &action, nullptr);
		       });
}

TEST_F(Open, NothingIsLeftAfterTheDriverWasReloaded)
{
	const std::string modules = std::getenv("EGM_MODULES");

	for (bool parent_too : { false, true }) {
		{
			UniqueFd owner = region.own();
			fill(Mapping(owner, region.size));
		}
		run({ "rmmod", "nvgrace_egm" });
		if (parent_too) {
			run({ "rmmod", "nvgrace_gpu_vfio_pci" });
			run({ "insmod", modules + "/nvgrace-gpu-vfio-pci.ko" });
		}
		run({ "insmod", modules + "/nvgrace-egm.ko" });
		UniqueFd owner = region.own();
		EXPECT_TRUE(cleared(region, Mapping(owner, region.size)));
	}
}

TEST_F(Open, RetiredGranulesAreMappedAndLeftAlone)
{
	ASSERT_FALSE(region.retired.empty());
	{
		UniqueFd owner = region.own();
		fill(Mapping(owner, region.size));
	}
	UniqueFd owner = region.own();
	Mapping memory(owner, region.size);

	// Their neighbours to the last byte are zero, ...
	EXPECT_TRUE(cleared(region, memory));
	// ... and they hold what they held: the documented exception.
	for (std::uint64_t offset : region.retired)
		EXPECT_TRUE(filled(Mapping(owner, granule, offset), offset));
}

class Ownership : public Open {
protected:
	void SetUp() override
	{
		Open::SetUp();
		owner = region.own();
		memory.emplace(owner, region.size / 16);
		fill(*memory);
	}

	void TearDown() override
	{
		owner.reset();
		memory.reset();
		Open::TearDown();
	}

	/// Nobody else gets the region, and what is in it stays.
	void expect_kept()
	{
		EXPECT_EQ(region.open_error(O_RDWR), EBUSY);
		EXPECT_EQ(region.state(), "in-use");
		EXPECT_EQ(clears(), 1u);
	}

	void expect_free()
	{
		EXPECT_EQ(region.state(), "idle");
		EXPECT_EQ(region.open_error(O_RDWR), 0);
		EXPECT_EQ(clears(), 2u);
	}

	UniqueFd owner;
	std::optional<Mapping> memory;
};

TEST_F(Ownership, IsKeptByADuplicate)
{
	UniqueFd duplicate(dup(owner.get()));

	memory.reset();
	owner.reset();
	expect_kept();
	EXPECT_TRUE(filled(Mapping(duplicate, region.size / 16)));
	duplicate.reset();
	expect_free();
}

TEST_F(Ownership, IsKeptByAMappingThatOutlivesClose)
{
	owner.reset();
	expect_kept();
	EXPECT_TRUE(filled(*memory));
	memory.reset();
	expect_free();
}

TEST_F(Ownership, IsKeptByTheLastPageOfAMapping)
{
	std::size_t page = static_cast<std::size_t>(getpagesize());

	owner.reset();
	munmap(memory->data() + page, region.size / 16 - page);
	expect_kept();
	EXPECT_EQ(*memory->word(0), mark(0));
	memory.reset();
	expect_free();
}

TEST_F(Ownership, IsKeptByAForkedProcess)
{
	Event look;
	Child child([&] {
		look.wait();
		return filled(*memory) && filled(Mapping(owner, region.size / 16)) ? 0 : 1;
	});

	memory.reset();
	owner.reset();
	expect_kept();
	look.set();
	EXPECT_EQ(child.wait(), 0);
	EXPECT_TRUE(wait_until([&] { return region.state() == "idle"; }));
	expect_free();
}

TEST_F(Ownership, IsKeptByADescriptorInAMessage)
{
	std::array<int, 2> sockets;
	char byte = 0;
	iovec data = { &byte, 1 };
	alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
	msghdr message = {};

	message.msg_iov = &data;
	message.msg_iovlen = 1;
	message.msg_control = control.data();
	message.msg_controllen = control.size();
	cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	int fd = owner.get();
	std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0);
	UniqueFd from(sockets[0]), to(sockets[1]);
	ASSERT_EQ(sendmsg(from.get(), &message, 0), 1);

	// No process has it open now.
	memory.reset();
	owner.reset();
	expect_kept();

	ASSERT_EQ(recvmsg(to.get(), &message, 0), 1);
	std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	UniqueFd received(fd);
	expect_kept();
	EXPECT_TRUE(filled(Mapping(received, region.size / 16)));
	received.reset();
	expect_free();
}

TEST_F(Ownership, IsKeptByARegistrationWithIoUring)
{
	io_uring_params parameters = {};
	UniqueFd ring(static_cast<int>(syscall(SYS_io_uring_setup, 1, &parameters)));
	int fd = owner.get();

	ASSERT_TRUE(ring) << strerror(errno);
	ASSERT_EQ(syscall(SYS_io_uring_register, ring.get(), IORING_REGISTER_FILES, &fd, 1), 0)
		<< strerror(errno);
	memory.reset();
	owner.reset();
	expect_kept();
	ring.reset();
	EXPECT_TRUE(wait_until([&] { return region.state() == "idle"; }));
	expect_free();
}

TEST_F(Open, OneOfManyRacingOpenersWinsAndSeesZeros)
{
	constexpr std::size_t openers = 24, rounds = 8;
	std::barrier round(openers);
	std::array<std::array<int, openers>, rounds> results = {};
	std::array<std::uint64_t, rounds> left = {};

	{
		std::vector<std::jthread> threads;
		for (std::size_t me = 0; me < openers; me++) {
			threads.emplace_back([&, me] {
				for (std::size_t now = 0; now < rounds; now++) {
					round.arrive_and_wait();
					UniqueFd fd = region.open(O_RDWR);
					results[now][me] = fd ? 0 : errno;
					// The winner has it until all have tried.
					round.arrive_and_wait();
					if (fd)
						left[now] = take_and_mark(Mapping(fd, region.size));
				}
			});
		}
	}
	for (std::size_t now = 0; now < rounds; now++) {
		EXPECT_EQ(std::ranges::count(results[now], 0), 1);
		EXPECT_EQ(std::ranges::count(results[now], EBUSY), openers - 1);
		EXPECT_EQ(left[now], 0u) << "in round " << now;
	}
	EXPECT_EQ(clears(), rounds);
}
