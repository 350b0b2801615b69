// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace egm {

namespace {

/** What a child does with its streams. */
class Streams {
public:
	explicit Streams(int out)
	{
		posix_spawn_file_actions_init(&actions_);
		posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
		posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY,
						 0);
	}
	~Streams() { posix_spawn_file_actions_destroy(&actions_); }
	Streams(const Streams &) = delete;
	Streams &operator=(const Streams &) = delete;

	const posix_spawn_file_actions_t *get() const { return &actions_; }

private:
	posix_spawn_file_actions_t actions_;
};

std::string read_all(int fd)
{
	std::string text;
	std::array<char, 4096> chunk;
	for (;;) {
		const ssize_t got = read(fd, chunk.data(), chunk.size());
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return text;
		text.append(chunk.data(), static_cast<std::size_t>(got));
	}
}

} // namespace

Reading<std::string> output_of(const std::vector<std::string> &argv)
{
	const auto failure = [&](int error) {
		return Unknown{ Why::failed, fmt::format("{}: {}", argv[0], std::strerror(error)) };
	};
	std::vector<char *> pointers;
	for (const auto &argument : argv)
		pointers.push_back(const_cast<char *>(argument.c_str()));
	pointers.push_back(nullptr);

	std::array<int, 2> pipe_ends;
	if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
		return failure(errno);
	pid_t child = 0;
	const int error = posix_spawnp(&child, pointers[0], Streams(pipe_ends[1]).get(), nullptr,
				       pointers.data(), environ);
	close(pipe_ends[1]);
	const std::string text = error ? std::string() : read_all(pipe_ends[0]);
	close(pipe_ends[0]);
	if (error == ENOENT)
		return Unknown{};
	if (error)
		return failure(error);

	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return Unknown{ Why::failed, fmt::format("{}: failed", argv[0]) };
	return text;
}

} // namespace egm
