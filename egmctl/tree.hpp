// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "reading.hpp"

#include <sys/stat.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace egm {

/**
 * A system tree: the running system, or a directory that looks like one (--sysroot).
 *
 * The only place of egmctl that touches files. It opens regular files and directories, nothing
 * else, whatever stands at a path: a device node or a FIFO is never opened. In a directory tree,
 * symbolic links are resolved as if that directory were "/", so none leads out of it.
 *
 * All paths are absolute in the tree ("/sys/class/egm"). Failures carry the path and the cause.
 */
class Tree {
public:
	/** The running system. */
	Tree() = default;

	/** The tree below a directory; "/" is the running system. */
	explicit Tree(std::string directory);

	/** True for the running system. */
	bool live() const { return directory_.empty(); }

	/** A path as the user would write it, safe to show. */
	std::string shown(std::string_view path) const;

	/** All bytes of a regular file, which may be of size 0 by stat; more than limit is an
	 * error. */
	Reading<std::string> read_file(const std::string &path, std::size_t limit) const;

	/** The names in a directory, ascending, without "." and "..". */
	Reading<std::vector<std::string>> list_directory(const std::string &path) const;

	/** The text of a symbolic link, which is not followed. */
	Reading<std::string> read_link(const std::string &path) const;

	/** Something stands at a path and may be seen. */
	bool exists(const std::string &path) const { return static_cast<bool>(status_of(path)); }

	/** What lstat() says. */
	Reading<struct stat> status_of(const std::string &path) const;

	/** An Unknown for an errno met at a path. */
	Unknown failure(std::string_view path, int error) const;

	/** An Unknown for a file whose content is not what it should be. */
	Unknown malformed(std::string_view path, std::string_view cause) const;

private:
	class Descriptor;
	Descriptor open_path(const std::string &path, int flags) const;

	std::string directory_;			 ///< empty for the running system
	std::shared_ptr<const Descriptor> root_; ///< the directory, which copies share
};

} // namespace egm
