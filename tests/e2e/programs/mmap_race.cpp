// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mmap_race DEVICE [BYTES]: an owner of many processes, which map, read, move and fork without end
 * while somebody removes the region.
 *
 * Says "ready" when it is at it and has forked. A line on stdin means that removal has come back:
 * from then on no byte may be readable in any process, whenever the mapping was made. Answers
 * "MAPPINGS CHILDREN READABLE": mappings made, children forked by those who map, bytes of 16 in
 * each mapping (one in a page) that could still be read.
 *
 * Processes, not threads: the threads of one process would wait for each other in mmap(). And
 * single pages, if nothing else is said: a mapping counts most when removal meets it half made.
 */
#include "mapping.hpp"
#include "prober.hpp"
#include "unique_fd.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
constexpr unsigned int mappers = 6;
constexpr unsigned int most_children = 3;

/**
 * Mappings that each mapper holds on to. Few large ones: what forks copy and ends take down again
 * would cost most of the time, and whoever does that is not in mmap().
 */
std::size_t kept(std::size_t length)
{
	return length == page ? 32 : 4;
}

/** What all processes count together. */
struct Tally {
	std::atomic<std::size_t> mappings;
	std::atomic<std::size_t> children;
	std::atomic<std::size_t> readable;
};

/** A gate that the first process opens for all that it forked, and that they forked. */
class Gate {
public:
	Gate() { e2e::check(pipe(ends_.data()), "pipe"); }
	void open() { close(ends_[1]); }
	/** In every other process, which has closed its own end of it by open(). */
	void pass() const
	{
		char nothing = 0;
		e2e::check(read(ends_[0], &nothing, 1), "gate");
	}

private:
	std::array<int, 2> ends_ = {};
};

class Mapper {
public:
	Mapper(const e2e::UniqueFd &file, std::size_t length, Tally &tally, const Gate &gate,
	       unsigned int seed)
		: file_(file), tally_(tally), gate_(gate), random_(seed), held_(kept(length)),
		  length_(length),
		  places_((static_cast<std::size_t>(lseek(file.get(), 0, SEEK_END)) - length) /
				  page +
			  1)
	{
	}

	void run()
	{
		try {
			for (;;)
				step();
		} catch (const std::system_error &error) {
			if (error.code().value() != ENODEV)
				throw;
		}
		look();
		for (const pid_t child : children_)
			e2e::check(waitpid(child, nullptr, 0), "waitpid");
	}

private:
	void step()
	{
		auto &place = held_[random_() % held_.size()];
		place = e2e::Mapping(file_, length_, random_() % places_ * page);
		tally_.mappings++;
		if (random_() % 4 == 0)
			programs::Prober::read(place.bytes()[random_() % length_]);
		if (random_() % 16 == 0)
			place.move();
		if (random_() % 256 == 0 && children_.size() < most_children)
			fork_child();
	}

	void fork_child()
	{
		const pid_t child = e2e::check(fork(), "fork");
		if (!child) {
			look();
			_exit(0);
		}
		children_.push_back(child);
		tally_.children++;
	}

	void look()
	{
		gate_.pass();
		for (const auto &mapping : held_) {
			const auto bytes = mapping.bytes();
			for (std::size_t at = 0; at < bytes.size();
			     at += std::max(page, length_ / 16))
				tally_.readable += programs::Prober::read(bytes[at]) >= 0;
		}
	}

	const e2e::UniqueFd &file_;
	Tally &tally_;
	const Gate &gate_;
	std::minstd_rand random_;
	std::vector<e2e::Mapping> held_;
	std::vector<pid_t> children_;
	std::size_t length_;
	std::size_t places_;
};

void race(const std::string &device, std::size_t length)
{
	const programs::Prober prober;
	const auto shared = e2e::Mapping::anonymous(sizeof(Tally));
	auto &tally = *new (shared.bytes().data()) Tally;
	const e2e::UniqueFd file = e2e::open_file(device, O_RDWR);
	Gate gate;

	for (unsigned int number = 1; number <= mappers; number++) {
		if (e2e::check(fork(), "fork"))
			continue;
		gate.open();
		Mapper(file, length, tally, gate, number).run();
		_exit(0);
	}
	while (tally.mappings < mappers * kept(length) || !tally.children)
		usleep(1000);
	std::cout << "ready" << std::endl;

	std::string line;
	std::getline(std::cin, line);
	gate.open();
	for (unsigned int number = 1; number <= mappers; number++) {
		int status = 0;
		e2e::check(wait(&status), "wait");
		if (status)
			throw std::runtime_error("a mapper failed");
	}
	std::cout << tally.mappings << ' ' << tally.children << ' ' << tally.readable << std::endl;
}

} // namespace

int main(int argc, char **argv)
{
	try {
		race(argv[1], argc > 2 ? std::stoul(argv[2]) : page);
	} catch (const std::exception &error) {
		std::cout << error.what() << std::endl;
		return 1;
	}
	return 0;
}
