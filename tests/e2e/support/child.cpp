// SPDX-License-Identifier: GPL-2.0-or-later
#include "child.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <system_error>

#include "wait.hpp"

namespace e2e {

Event::Event() : fd_(eventfd(0, EFD_CLOEXEC))
{
	if (!fd_)
		throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Event::set() const
{
	std::uint64_t one = 1;

	if (write(fd_.get(), &one, sizeof(one)) != sizeof(one))
		throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Event::wait() const
{
	pollfd poll_fd = { .fd = fd_.get(), .events = POLLIN, .revents = 0 };
	std::uint64_t count;

	int milliseconds = static_cast<int>(std::chrono::milliseconds(patience).count());
	int ready;

	do
		ready = poll(&poll_fd, 1, milliseconds);
	while (ready < 0 && errno == EINTR);
	if (ready != 1)
		throw std::runtime_error("the other process has not said a word");
	if (read(fd_.get(), &count, sizeof(count)) != sizeof(count))
		throw std::system_error(errno, std::generic_category(), "eventfd");
}

Child::Child(const std::function<int()> &body)
{
	std::fflush(nullptr);
	pid_ = fork();
	if (pid_ < 0)
		throw std::system_error(errno, std::generic_category(), "fork");
	if (pid_ > 0)
		return;

	int status = 255;
	try {
		status = body();
	} catch (const std::exception &error) {
		std::fprintf(stderr, "child: %s\n", error.what());
	}
	_exit(status);
}

Child::~Child()
{
	if (pid_ > 0) {
		::kill(pid_, SIGKILL);
		waitpid(pid_, nullptr, 0);
	}
}

void Child::signal(int number) const
{
	if (::kill(pid_, number))
		throw std::system_error(errno, std::generic_category(), "kill");
}

int Child::wait()
{
	int status;

	if (waitpid(pid_, &status, 0) != pid_)
		throw std::system_error(errno, std::generic_category(), "waitpid");
	pid_ = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int outcome(const std::function<int()> &body)
{
	return Child(body).wait();
}

void run(const std::vector<std::string> &command)
{
	int status = outcome([&] {
		std::vector<char *> arguments;
		std::vector<std::string> words = command;

		for (std::string &word : words)
			arguments.push_back(word.data());
		arguments.push_back(nullptr);
		execvp(arguments[0], arguments.data());
		return 127;
	});

	if (status)
		throw std::runtime_error(command[0] + " ended with " + std::to_string(status));
}

} // namespace e2e
