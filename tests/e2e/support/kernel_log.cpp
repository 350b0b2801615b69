// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel_log.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace e2e {

KernelLog::KernelLog(Start start) : fd_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC))
{
	if (!fd_ || lseek(fd_.get(), 0, start == Start::now ? SEEK_END : SEEK_SET) < 0)
		throw std::system_error(errno, std::generic_category(), "/dev/kmsg");
}

const std::vector<KernelLog::Record> &KernelLog::records()
{
	std::array<char, 8192> buffer;
	ssize_t length;

	while ((length = read(fd_.get(), buffer.data(), buffer.size())) > 0) {
		// "6,1234,5678,-;egm egm4: text\n SUBSYSTEM=egm\n ..."
		std::string_view record(buffer.data(), static_cast<std::size_t>(length));
		std::size_t start = record.find(';') + 1;
		int priority = 0;

		std::sscanf(buffer.data(), "%d", &priority);
		records_.push_back({ priority & 7, std::string(record.substr(
							   start, record.find('\n') - start)) });
	}
	// EPIPE: records were lost, and with them what a test wants to see.
	if (errno != EAGAIN)
		throw std::system_error(errno, std::generic_category(), "/dev/kmsg");
	return records_;
}

std::size_t KernelLog::count(std::string_view text)
{
	const std::vector<Record> &all = records();

	return static_cast<std::size_t>(std::ranges::count_if(all, [&](const Record &record) {
		return record.text.find(text) != std::string::npos;
	}));
}

} // namespace e2e
