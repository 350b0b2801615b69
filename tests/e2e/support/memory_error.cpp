// SPDX-License-Identifier: GPL-2.0-or-later
#include "memory_error.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <format>
#include <stdexcept>
#include <system_error>

#include "wait.hpp"

namespace e2e {

int simulate_error(std::uint64_t address)
{
	const UniqueFd file = open_file("/sys/devices/system/memory/hard_offline_page", O_WRONLY);
	const std::string text = std::format("{:#x}", address);

	return write(file.get(), text.data(), text.size()) < 0 ? errno : 0;
}

namespace {

std::string simulation(const std::vector<std::uint64_t> &addresses)
{
	std::string words;

	for (std::uint64_t address : addresses)
		words += std::format(" {:#x}", address);
	return "for a in" + words +
	       "; do echo $a >/sys/devices/system/memory/hard_offline_page; done";
}

} // namespace

void simulate_errors_elsewhere(const std::vector<std::uint64_t> &addresses)
{
	run({ "bash", "-euc", simulation(addresses) });
}

void simulate_errors_at_once(const std::vector<std::uint64_t> &addresses)
{
	// Whoever is of no real-time class gets a share of each second otherwise.
	const std::string alone = R"(
		share=/sys/kernel/debug/sched/fair_server/cpu1/runtime
		usual=$(<$share)
		trap 'echo $usual >$share' EXIT
		echo 0 >$share
		taskset -pc 1 $$ >/dev/null
		chrt -f -p 1 $$
		)";

	run({ "bash", "-euc", alone + simulation(addresses) });
}

testing::AssertionResult is(const BusErrors &errors, int code, const void *address, int count)
{
	const int page_shift = __builtin_ctz(static_cast<unsigned int>(getpagesize()));

	if (errors.count == count && errors.code == code && errors.address == address &&
	    errors.lsb == page_shift)
		return testing::AssertionSuccess();
	return testing::AssertionFailure()
	       << std::format("{} times SIGBUS, code {}, lsb {}, at {}", errors.count, errors.code,
			      errors.lsb, errors.address);
}

Firmware::Firmware()
{
	std::array<int, 2> in, out;

	check(pipe2(in.data(), O_CLOEXEC), "pipe");
	UniqueFd in_end(in[0]);
	orders_ = UniqueFd(in[1]);
	check(pipe2(out.data(), O_CLOEXEC), "pipe");
	UniqueFd out_end(out[1]);
	answers_ = UniqueFd(out[0]);
	pid_ = check(fork(), "fork");
	if (!pid_) {
		dup2(in_end.get(), STDIN_FILENO);
		dup2(out_end.get(), STDOUT_FILENO);
		execl("/egm/lib/memory_error.py", "memory_error.py", nullptr);
		_exit(127);
	}
}

Firmware::~Firmware()
{
	orders_.reset();
	waitpid(pid_, nullptr, 0);
}

void Firmware::order(const std::string &severity, std::uint64_t address)
{
	const std::string line = std::format("{} {:#x}\n", severity, address);
	std::array<char, 3> answer;

	check(write(orders_.get(), line.data(), line.size()), "an order to firmware");
	for (std::size_t got = 0; got < answer.size();) {
		const ssize_t more =
			check(read(answers_.get(), answer.data() + got, answer.size() - got),
			      "firmware's answer");
		if (!more)
			throw std::runtime_error("firmware is gone");
		got += static_cast<std::size_t>(more);
	}
}

namespace {

/// The same, as a handler records it for another process.
struct Record {
	std::atomic<int> count, code, lsb;
	std::atomic<const void *> address;

	BusErrors read() const { return { count, code, lsb, address }; }
};
static_assert(std::atomic<const void *>::is_always_lock_free);

Record &record_in(const Mapping &shared)
{
	return *reinterpret_cast<Record *>(shared.data());
}

Record *record_of_this_process;

void note(const siginfo_t &info)
{
	record_of_this_process->code = info.si_code;
	record_of_this_process->lsb = info.si_addr_lsb;
	record_of_this_process->address = info.si_addr;
	record_of_this_process->count++;
}

/// From now on this process records what it gets, and lives on or ends.
void start_record(Record &record, bool live_on)
{
	struct sigaction action = {};

	record_of_this_process = &record;
	action.sa_flags = SA_SIGINFO;
	if (live_on)
		action.sa_sigaction = [](int, siginfo_t *info, void *) { note(*info); };
	else
		action.sa_sigaction = [](int, siginfo_t *info, void *) {
			note(*info);
			_exit(0);
		};
	check(sigaction(SIGBUS, &action, nullptr), "sigaction");
}

} // namespace

Witness::Witness(Wants wants)
	: shared_(Mapping::anonymous(sizeof(Record))), child_([this, wants] {
		  start_record(record_in(shared_), true);
		  if (wants == Wants::early)
			  check(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0),
				"PR_MCE_KILL_EARLY");
		  stands_.set();
		  may_go_.wait();
		  return 0;
	  })
{
	stands_.wait();
}

BusErrors Witness::seen(int count) const
{
	const Record &record = record_in(shared_);

	if (!wait_until([&] { return record.count >= count; }))
		throw std::runtime_error(
			std::format("the witness has seen {} of {}", record.count.load(), count));
	return record.read();
}

BusErrors Witness::end()
{
	may_go_.set();
	if (const int status = child_.wait())
		throw std::runtime_error(std::format("the witness ended with {}", status));
	return record_in(shared_).read();
}

namespace {

BusErrors errors_of(const std::function<bool()> &body, bool live_on)
{
	const Mapping shared = Mapping::anonymous(sizeof(Record));
	const int status = outcome([&] {
		start_record(record_in(shared), live_on);
		return body() ? 0 : 1;
	});

	if (status)
		throw std::runtime_error(std::format("the process ended with {}", status));
	return record_in(shared).read();
}

} // namespace

BusErrors errors_of(const std::function<bool()> &body)
{
	return errors_of(body, true);
}

BusErrors read_error(const volatile void *address, const volatile void *before)
{
	return errors_of(
		[&] {
			if (before)
				static_cast<void>(*static_cast<const volatile char *>(before));
			static_cast<void>(*static_cast<const volatile char *>(address));
			return true;
		},
		false);
}

BusErrors write_error(volatile void *address)
{
	return errors_of(
		[&] {
			*static_cast<volatile char *>(address) = 1;
			return true;
		},
		false);
}

} // namespace e2e
