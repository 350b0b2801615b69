// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mmap_race DEVICE: an owner that maps, reads and forks without end, while somebody removes the
 * region.
 *
 * Says "ready" when it is at it. A line on stdin means that removal has come back: from then on no
 * byte may be readable, in this process or in a child, whenever the mapping was made. Answers
 * "MAPPINGS CHILDREN READABLE": mappings made, children forked, pages that could still be read.
 */
#include "descriptor.hpp"
#include "memory.hpp"

#include <sys/wait.h>

#include <atomic>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int mappers = 3;
constexpr std::size_t kept = 8; // mappings that each thread holds on to
constexpr std::size_t slice = 64 * 1024;
constexpr int most_children = 8;

class Race {
public:
	explicit Race(const std::string &device)
		: file_(device, O_RDWR),
		  slices_(static_cast<std::size_t>(lseek(file_.get(), 0, SEEK_END)) / slice)
	{
		programs::check(pipe(gate_), "pipe");
		held_.resize(mappers);
	}

	void run()
	{
		std::vector<std::thread> threads;
		for (auto &held : held_)
			threads.emplace_back([this, &held] { map_and_read(held); });
		threads.emplace_back([this] { fork_children(); });
		while (made_ < mappers)
			std::this_thread::yield();
		std::cout << "ready" << std::endl;

		std::string line;
		std::getline(std::cin, line);
		// Whoever is within mmap() or a read now finishes that; nothing new succeeds.
		gone_ = true;
		for (auto &thread : threads)
			thread.join();

		const std::size_t readable = readable_pages() + readable_by_children();
		std::cout << made_ << ' ' << children_.size() << ' ' << readable << std::endl;
	}

private:
	using Held = std::vector<programs::Mapping>;

	void map_and_read(Held &held)
	{
		std::minstd_rand random(static_cast<unsigned int>(made_) + 1);
		while (!gone_) {
			try {
				const auto offset = static_cast<off_t>(random() % slices_ * slice);
				programs::Mapping mapping(file_.get(), slice, offset);
				made_++;
				programs::Prober::readable_pages(mapping.bytes());
				// A child must not be forked from a list that is being changed.
				const std::lock_guard guard(lock_);
				if (held.size() < kept)
					held.push_back(std::move(mapping));
				else
					held[random() % kept] = std::move(mapping);
			} catch (const std::system_error &error) {
				if (error.code().value() != ENODEV)
					throw;
				std::this_thread::yield();
			}
		}
	}

	void fork_children()
	{
		while (!gone_) {
			usleep(2000);
			const std::lock_guard guard(lock_);
			if (children_.size() >= most_children)
				continue;
			const pid_t child = programs::check(fork(), "fork");
			if (!child)
				_exit(wait_and_look());
			children_.push_back(child);
		}
	}

	/** In a child: until the parent opens the gate by closing it. */
	int wait_and_look()
	{
		char nothing = 0;
		close(gate_[1]);
		return read(gate_[0], &nothing, 1) == 0 && readable_pages() == 0 ? 0 : 1;
	}

	std::size_t readable_pages() const
	{
		std::size_t readable = 0;
		for (const auto &held : held_)
			for (const auto &mapping : held)
				readable += programs::Prober::readable_pages(mapping.bytes());
		return readable;
	}

	/** A child that could read something counts as a page, however much it was. */
	std::size_t readable_by_children()
	{
		std::size_t failed = 0;
		close(gate_[1]);
		for (const pid_t child : children_) {
			int status = 0;
			programs::check(waitpid(child, &status, 0), "waitpid");
			failed += status != 0;
		}
		return failed;
	}

	programs::Prober prober_;
	programs::Descriptor file_;
	std::size_t slices_;
	int gate_[2] = {};
	std::atomic<bool> gone_ = false;
	std::atomic<std::size_t> made_ = 0;
	std::mutex lock_;
	std::vector<Held> held_;
	std::vector<pid_t> children_;
};

} // namespace

int main(int, char **argv)
{
	try {
		Race(argv[1]).run();
	} catch (const std::exception &error) {
		std::cout << error.what() << std::endl;
		return 1;
	}
	return 0;
}
