// SPDX-License-Identifier: GPL-2.0-or-later
#include "tree.hpp"

#include "parse.hpp"

#include <fmt/format.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace egm {

namespace {

constexpr int most_attempts = 100'000;

} // namespace

/** An open file; a negative one stands for the errno in its place. */
class Tree::Descriptor {
public:
	explicit Descriptor(int fd) : fd_(fd >= 0 ? fd : -errno) {}
	~Descriptor()
	{
		if (fd_ >= 0)
			close(fd_);
	}
	Descriptor(const Descriptor &) = delete;
	Descriptor &operator=(const Descriptor &) = delete;

	explicit operator bool() const { return fd_ >= 0; }
	int get() const { return fd_; }
	int error() const { return -fd_; }

private:
	int fd_;
};

Tree::Tree(std::string directory) : directory_(std::move(directory))
{
	while (directory_.ends_with('/'))
		directory_.pop_back();
	if (!live())
		root_ = std::make_shared<const Descriptor>(
			open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::string Tree::shown(std::string_view path) const
{
	return printable(directory_ + std::string(path));
}

Unknown Tree::failure(std::string_view path, int error) const
{
	if (error == ENOENT)
		return { Why::not_exported, {} };
	// Of a process, and of a device, that ends while it is looked at
	if (error == ESRCH || error == ENODEV)
		return { Why::gone, {} };
	return { error == EACCES || error == EPERM ? Why::permission : Why::failed,
		 fmt::format("{}: {}", shown(path), std::strerror(error)) };
}

Unknown Tree::malformed(std::string_view path, std::string_view cause) const
{
	return { Why::failed, fmt::format("{}: {}", shown(path), cause) };
}

/*
 * O_PATH finds a file without opening it: no driver is called, nothing blocks. The caller looks at
 * what was found before it asks for more.
 */
Tree::Descriptor Tree::open_path(const std::string &path, int flags) const
{
	if (live())
		return Descriptor(open(path.c_str(), O_PATH | O_CLOEXEC | flags));

	if (!*root_) {
		errno = root_->error();
		return Descriptor(-1);
	}
	struct open_how how = {};
	how.flags = static_cast<__u64>(O_PATH | O_CLOEXEC | flags);
	how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

	// After ".." the kernel cannot tell whether it is still in the tree if anything in the
	// system was renamed or mounted meanwhile, and says EAGAIN: a thousand times in a row, now
	// and then.
	for (int left = most_attempts;;) {
		const auto fd = static_cast<int>(
			syscall(SYS_openat2, root_->get(), path.c_str(), &how, sizeof(how)));
		if (fd >= 0 || errno != EAGAIN || --left == 0)
			return Descriptor(fd);
	}
}

Reading<std::string> Tree::read_file(const std::string &path, std::size_t limit) const
{
	const Descriptor found = open_path(path, 0);
	if (!found)
		return failure(path, found.error());
	struct stat status;
	if (fstat(found.get(), &status) != 0)
		return failure(path, errno);
	if (!S_ISREG(status.st_mode))
		return malformed(path, "not a regular file");

	// Through /proc the very file that was looked at is opened, not what has its name by now.
	const auto again = fmt::format("/proc/self/fd/{}", found.get());
	const Descriptor file(open(again.c_str(), O_RDONLY | O_CLOEXEC));
	if (!file)
		return failure(path, file.error());

	std::string content;
	std::array<char, 4096> chunk;
	for (;;) {
		const ssize_t got = read(file.get(), chunk.data(), chunk.size());
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failure(path, errno);
		if (got == 0)
			return content;
		content.append(chunk.data(), static_cast<std::size_t>(got));
		if (content.size() > limit)
			return failure(path, EFBIG);
	}
}

Reading<std::vector<std::string>> Tree::list_directory(const std::string &path) const
{
	const Descriptor found = open_path(path, O_DIRECTORY);
	if (!found)
		return failure(path, found.error());
	const auto again = fmt::format("/proc/self/fd/{}", found.get());
	const auto close_directory = [](DIR *directory) { closedir(directory); };
	const std::unique_ptr<DIR, decltype(close_directory)> directory(opendir(again.c_str()));
	if (!directory)
		return failure(path, errno);

	std::vector<std::string> names;
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(directory.get());
		if (!entry)
			break;
		const std::string name = entry->d_name;
		if (name != "." && name != "..")
			names.push_back(name);
	}
	if (errno != 0)
		return failure(path, errno);
	std::ranges::sort(names);
	return names;
}

Reading<std::string> Tree::read_link(const std::string &path) const
{
	const Descriptor found = open_path(path, O_NOFOLLOW);
	if (!found)
		return failure(path, found.error());
	struct stat status;
	if (fstat(found.get(), &status) != 0)
		return failure(path, errno);
	if (!S_ISLNK(status.st_mode))
		return malformed(path, "not a symbolic link");
	std::string target(4096, '\0');
	const ssize_t length = readlinkat(found.get(), "", target.data(), target.size());
	if (length < 0)
		return failure(path, errno);
	target.resize(static_cast<std::size_t>(length));
	return target;
}

Reading<struct stat> Tree::status_of(const std::string &path) const
{
	struct stat status;
	if (live()) {
		if (lstat(path.c_str(), &status) != 0)
			return failure(path, errno);
		return status;
	}
	const auto slash = path.rfind('/');
	const Descriptor parent = open_path(path.substr(0, slash + 1), O_DIRECTORY);
	if (!parent)
		return failure(path, parent.error());
	if (fstatat(parent.get(), path.c_str() + slash + 1, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return failure(path, errno);
	return status;
}

} // namespace egm
