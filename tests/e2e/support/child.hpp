// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "unique_fd.hpp"

namespace e2e {

/// Something that one process tells another; made before the fork. Once per wait.
class Event {
public:
	Event();
	void set() const;
	/// Throws when nobody tells within our patience.
	void wait() const;

private:
	UniqueFd fd_;
};

/// A process of its own that runs a function, to share what it inherits, or to be killed.
class Child {
public:
	/// The function's value (below 250) becomes the exit status; an exception is shown, and
	/// 255.
	explicit Child(const std::function<int()> &body);
	Child(const Child &) = delete;
	Child &operator=(const Child &) = delete;
	/// Kills and reaps a child that nobody waited for.
	~Child();

	pid_t pid() const { return pid_; }
	void signal(int number) const;
	/// Waits for its end: the exit status, or the negated number of the signal that killed it.
	int wait();
	/// Kills it and waits.
	int kill()
	{
		signal(SIGKILL);
		return wait();
	}

private:
	pid_t pid_;
};

/// What becomes of a process that runs `body`, as Child::wait() has it.
int outcome(const std::function<int()> &body);

/// Runs a program found in PATH; throws unless it succeeds.
void run(const std::vector<std::string> &command);

} // namespace e2e
