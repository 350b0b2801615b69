// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the benchmark measures, one thing a call; the answer is one JSON object. What it makes of
 * many answers is up to tests/bench/run.
 *
 * measure owner DEVICE BYTES THREADS
 *   becomes the owner, which clears; maps, touches and unmaps; then memsets BYTES by one thread and
 *   by THREADS, or by neither where that is 0
 *
 * measure kill DEVICE TRIES MILLISECONDS
 *   kills openers at a random moment of their first MILLISECONDS
 *
 * measure rate DEVICE ROUNDS CALLS
 *   EGM_GET_INFO, and beside it the most trivial ioctl that there is
 */
#include "child.hpp"
#include "mapping.hpp"
#include "unique_fd.hpp"

#include <linux/egm.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <latch>
#include <map>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t gib = 1 << 30;
// What mappings are measured with, where there is that much.
constexpr std::uint64_t mapped = 2 * gib;
// What a thread takes at a time: little enough for none to be left alone at the end
constexpr std::uint64_t piece = 16 * mib;

double milliseconds(Clock::duration duration)
{
	return std::chrono::duration<double, std::milli>(duration).count();
}

double took(const std::function<void()> &body)
{
	const auto start = Clock::now();

	body();
	return milliseconds(Clock::now() - start);
}

/** Stores to one byte in every `step`. */
void touch(std::byte *memory, std::uint64_t length, std::uint64_t step)
{
	for (std::uint64_t offset = 0; offset < length; offset += step)
		const_cast<volatile std::byte &>(memory[offset]) = std::byte{ 0 };
}

std::uint64_t page_size()
{
	return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/** The kernel's page tables for this process. */
std::uint64_t page_table_bytes()
{
	std::ifstream status("/proc/self/status");
	std::string word;
	std::uint64_t kib = 0;

	while (status >> word) {
		if (word == "VmPTE:" && status >> kib)
			return kib << 10;
	}
	throw std::runtime_error("no VmPTE in /proc/self/status");
}

/** A mapping of the device at a multiple of 1 GiB, inside room that it keeps. */
class AlignedMapping {
public:
	AlignedMapping(const e2e::UniqueFd &file, std::uint64_t length) : reserved_(length + gib)
	{
		room_ = mmap(nullptr, reserved_, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (room_ == MAP_FAILED)
			throw std::system_error(errno, std::generic_category(), "no room to map");
		const auto start = reinterpret_cast<std::uintptr_t>(room_);
		const auto aligned = (start + gib - 1) / gib * gib;
		before_ = page_table_bytes();
		void *memory = mmap(static_cast<std::byte *>(room_) + (aligned - start), length,
				    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file.get(), 0);
		if (memory == MAP_FAILED)
			throw std::system_error(errno, std::generic_category(), "mmap");
		data_ = static_cast<std::byte *>(memory);
	}
	AlignedMapping(const AlignedMapping &) = delete;
	AlignedMapping &operator=(const AlignedMapping &) = delete;
	~AlignedMapping() { munmap(room_, reserved_); }

	std::byte *data() const { return data_; }
	/** By how much the page tables have grown since before it was there. */
	std::uint64_t growth() const { return page_table_bytes() - before_; }

private:
	std::uint64_t reserved_;
	void *room_;
	std::uint64_t before_ = 0;
	std::byte *data_ = nullptr;
};

/** memset by so many threads, which stand ready when the clock starts; milliseconds. */
double memset_by(unsigned int threads, std::byte *memory, std::uint64_t length)
{
	std::atomic<std::uint64_t> cursor = 0;
	std::latch ready(threads), go(1), done(threads);
	std::vector<std::jthread> crew;

	for (unsigned int i = 0; i < threads; i++) {
		crew.emplace_back([&] {
			ready.count_down();
			go.wait();
			for (std::uint64_t offset; (offset = cursor.fetch_add(piece)) < length;)
				std::memset(memory + offset, 0, std::min(piece, length - offset));
			done.count_down();
		});
	}
	ready.wait();
	return took([&] {
		go.count_down();
		done.wait();
	});
}

/** How often a thing is timed by one owner. */
constexpr int timed_rounds = 3;

/** Appends to a list of times. */
void note(json &answer, const std::string &name, double time)
{
	answer[name].push_back(time);
}

/**
 * The first time through any code is not what is asked for: an emulator translates it then, and a
 * processor has it in no cache. So a round that does not count comes first.
 */
void times(const std::function<void(json &)> &round, json &answer)
{
	json none;

	round(none);
	for (int i = 0; i < timed_rounds; i++)
		round(answer);
}

/** Maps, touches and unmaps. */
void map(const e2e::UniqueFd &file, std::uint64_t length, json &answer)
{
	// The unmapping of the last round has flushed the emulator's copy of all page tables, the
	// kernel's included, and mmap() would be timed with finding its own code again.
	const e2e::Mapping other(file, length);
	const auto start = Clock::now();
	e2e::Mapping mapping(file, length);

	note(answer, "mmap_ms", milliseconds(Clock::now() - start));
	touch(mapping.data(), length, 2 * mib);
	note(answer, "touch_ms", milliseconds(Clock::now() - start));
	touch(mapping.data(), length, page_size());
	note(answer, "munmap_ms", took([&] { mapping = e2e::Mapping(); }));
}

json owner(const std::string &device, std::uint64_t bytes, unsigned int threads)
{
	const std::uint64_t length = std::min(bytes, mapped);
	json answer;
	e2e::UniqueFd file;

	times(
		[&](json &found) {
			file.reset();
			note(found, "open_ms",
			     took([&] { file = e2e::open_file(device, O_RDWR); }));
		},
		answer);
	times([&](json &found) { map(file, length, found); }, answer);
	{
		const AlignedMapping aligned(file, length);
		touch(aligned.data(), length, page_size());
		note(answer, "page_table_bytes_per_gib",
		     static_cast<double>(aligned.growth()) * gib / static_cast<double>(length));
	}
	if (threads) {
		const AlignedMapping whole(file, bytes);
		touch(whole.data(), bytes, page_size());
		times(
			[&](json &found) {
				note(found, "memset_ms", memset_by(threads, whole.data(), bytes));
				note(found, "memset_one_ms", memset_by(1, whole.data(), bytes));
			},
			answer);
	}
	return answer;
}

enum class Opener : int { starting, opening, opened, busy, failed };

json kill(const std::string &device, std::size_t tries, double longest)
{
	const auto shared = e2e::Mapping::anonymous(page_size());
	auto &opener = *new (shared.data()) std::atomic<Opener>(Opener::starting);
	std::minstd_rand random(1);
	std::uniform_real_distribution<double> moment(0, longest);
	std::vector<double> gone;
	std::map<std::string, unsigned int> missed = { { "opened", 0 }, { "busy", 0 } };

	for (std::size_t attempts = 0; gone.size() < tries; attempts++) {
		if (attempts == 20 * tries)
			throw std::runtime_error("openers are never killed in time: " +
						 json(missed).dump());
		opener = Opener::starting;
		e2e::Child child([&] {
			opener = Opener::opening;
			const int fd = open(device.c_str(), O_RDWR | O_CLOEXEC);
			opener = fd >= 0	  ? Opener::opened
				 : errno == EBUSY ? Opener::busy
						  : Opener::failed;
			pause();
			return 0;
		});
		while (opener == Opener::starting)
			std::this_thread::yield();
		std::this_thread::sleep_for(
			std::chrono::duration<double, std::milli>(moment(random)));
		const double time = took([&] { child.kill(); });
		if (opener == Opener::failed)
			throw std::runtime_error("open fails");
		if (opener == Opener::opening)
			gone.push_back(time);
		else
			missed[opener == Opener::busy ? "busy" : "opened"]++;
	}
	return { { "kill_ms", gone }, { "missed", missed } };
}

/** Calls a second. */
double rate(unsigned int calls, int fd, unsigned long request, void *argument)
{
	if (ioctl(fd, request, argument))
		throw std::system_error(errno, std::generic_category(), "ioctl");
	return 1000 * calls / took([&] {
		       for (unsigned int i = 0; i < calls; i++)
			       ioctl(fd, request, argument);
	       });
}

json rates(const std::string &device, unsigned int rounds, unsigned int calls)
{
	const auto egm = e2e::open_file(device, O_RDONLY);
	const auto urandom = e2e::open_file("/dev/urandom", O_RDONLY);
	json answer = { { "info", json::array() }, { "reference", json::array() } };

	for (unsigned int round = 0; round < rounds; round++) {
		egm_info info = {};
		int entropy = 0;

		info.argsz = sizeof(info);
		answer["info"].push_back(rate(calls, egm.get(), EGM_GET_INFO, &info));
		answer["reference"].push_back(rate(calls, urandom.get(), RNDGETENTCNT, &entropy));
	}
	return answer;
}

json measure(const std::vector<std::string> &words)
{
	const auto number = [&](std::size_t i) { return std::stoull(words.at(i)); };
	const auto small = [&](std::size_t i) { return static_cast<unsigned int>(number(i)); };

	if (words.at(0) == "owner")
		return owner(words.at(1), number(2), small(3));
	if (words.at(0) == "kill")
		return kill(words.at(1), number(2), std::stod(words.at(3)));
	if (words.at(0) == "rate")
		return rates(words.at(1), small(2), small(3));
	throw std::runtime_error("owner, kill or rate");
}

} // namespace

int main(int argc, char **argv)
{
	try {
		std::cout << measure({ argv + 1, argv + argc }) << std::endl;
	} catch (const std::exception &error) {
		std::cerr << "measure: " << error.what() << std::endl;
		return 1;
	}
	return 0;
}
