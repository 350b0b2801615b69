// SPDX-License-Identifier: GPL-2.0-or-later
#include "output.hpp"

#include "error.hpp"
#include "parse.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace egm {

namespace {

/** A file that replaces another when all of it is on disk, and leaves nothing when it is not. */
class Replacement {
public:
	explicit Replacement(const std::string &path)
		: path_(path), temporary_(path + ".XXXXXX"), fd_(mkstemp(temporary_.data()))
	{
	}
	~Replacement()
	{
		if (fd_ < 0)
			return;
		close(fd_);
		if (!kept_)
			unlink(temporary_.c_str());
	}
	Replacement(const Replacement &) = delete;
	Replacement &operator=(const Replacement &) = delete;

	bool write_all(std::string_view content)
	{
		while (fd_ >= 0 && !content.empty()) {
			const ssize_t written = write(fd_, content.data(), content.size());
			if (written < 0 && errno == EINTR)
				continue;
			if (written < 0)
				return false;
			content.remove_prefix(static_cast<std::size_t>(written));
		}
		// A collector that runs as somebody else reads it.
		kept_ = fd_ >= 0 && fchmod(fd_, 0644) == 0 && fsync(fd_) == 0 &&
			std::rename(temporary_.c_str(), path_.c_str()) == 0;
		return kept_;
	}

private:
	std::string path_;
	std::string temporary_;
	int fd_;
	bool kept_ = false;
};

} // namespace

bool write_output(const std::string &text)
{
	if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
	    std::fflush(stdout) == 0)
		return true;
	if (errno == EPIPE)
		return false;
	throw Error(Exit::output, "output_failed",
		    fmt::format("cannot write the output: {}", std::strerror(errno)));
}

void write_file(const std::string &path, const std::string &content)
{
	struct stat there = {};
	if (lstat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
		throw Error(Exit::output, "output_failed",
			    fmt::format("{} is not a regular file, and is not replaced",
					printable(path)));
	Replacement file(path);
	if (!file.write_all(content))
		throw Error(
			Exit::output, "output_failed",
			fmt::format("cannot write {}: {}", printable(path), std::strerror(errno)));
}

void write_message(const std::string &message, const std::string &hint)
{
	std::string text = fmt::format("egmctl: {}\n", message);
	if (!hint.empty())
		text += fmt::format("hint: {}\n", hint);
	// Nobody is left to tell when standard error fails.
	std::fputs(text.c_str(), stderr);
}

void write_warnings(const std::vector<Finding> &findings, bool notes)
{
	for (const auto &finding : findings)
		if (notes || finding.severity == Severity::warning)
			write_message(finding.message, finding.hint);
}

bool wants_colour()
{
	const char *refusal = std::getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && !(refusal && *refusal);
}

} // namespace egm
