// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace e2e {

/// The result of a system call; where it failed, errno as an exception.
template <class T>
T check(T result, const std::string &what)
{
	if (result < 0)
		throw std::system_error(errno, std::generic_category(), what);
	return result;
}

/// A file descriptor with one owner.
class UniqueFd {
public:
	UniqueFd() = default;
	explicit UniqueFd(int fd) : fd_(fd) {}
	UniqueFd(UniqueFd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
	UniqueFd &operator=(UniqueFd &&other) noexcept
	{
		std::swap(fd_, other.fd_);
		return *this;
	}
	~UniqueFd() { reset(); }

	/// Closes the descriptor now; errno stays as it was before.
	void reset()
	{
		const int saved = errno;

		if (fd_ >= 0)
			close(std::exchange(fd_, -1));
		errno = saved;
	}

	int get() const { return fd_; }
	explicit operator bool() const { return fd_ >= 0; }

private:
	int fd_ = -1;
};

/// open(2) that must work.
inline UniqueFd open_file(const std::string &path, int flags)
{
	return UniqueFd(check(open(path.c_str(), flags | O_CLOEXEC), path));
}

} // namespace e2e
