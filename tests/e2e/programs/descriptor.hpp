// SPDX-License-Identifier: GPL-2.0-or-later
// An open file of a test program, and errors that carry the kernel's errno.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace programs {

/** The result of a system call, or its errno as an exception. */
template <class T>
T check(T result, const std::string &what)
{
	if (result < 0)
		throw std::system_error(errno, std::generic_category(), what);
	return result;
}

/** An open file; closed when it goes. */
class Descriptor {
public:
	Descriptor() = default;
	Descriptor(const std::string &path, int flags)
		: fd_(check(open(path.c_str(), flags | O_CLOEXEC), path))
	{
	}
	/** Takes over a descriptor that a system call returned. */
	Descriptor(int fd, const std::string &what) : fd_(check(fd, what)) {}
	Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
	Descriptor &operator=(Descriptor &&other) noexcept
	{
		std::swap(fd_, other.fd_);
		return *this;
	}
	~Descriptor()
	{
		if (fd_ >= 0)
			close(fd_);
	}

	int get() const { return fd_; }

	/** An ioctl() that must work. */
	template <class... Argument>
	int control(unsigned long request, const std::string &what, Argument... argument) const
	{
		return check(ioctl(fd_, request, argument...), what);
	}

private:
	int fd_ = -1;
};

} // namespace programs
