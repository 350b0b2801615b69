// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace egm {

/** Exit statuses, the same for every command. */
enum class Exit {
	done = 0,
	failed = 1, ///< a check failed, or `watch --timeout` ran out
	usage = 2,
	no_such_device = 3,
	permission = 4,
	not_supported = 5, ///< by this driver, kernel or host
	internal = 70,	   ///< a fault in egmctl, or data of the driver that cannot be understood
	output = 74,	   ///< standard output cannot be written
};

/** The end of a command: what went wrong, what to do about it, and the exit status. */
class Error : public std::runtime_error {
public:
	/**
	 * @param exit    exit status of the program
	 * @param code    fixed word for programs that read the JSON form
	 * @param message one line, lower case, without a full stop
	 * @param hint    what to do about it; may be empty
	 */
	Error(Exit exit, std::string code, const std::string &message, std::string hint = {})
		: std::runtime_error(message), exit_(exit), code_(std::move(code)),
		  hint_(std::move(hint))
	{
	}

	Exit exit() const { return exit_; }
	const std::string &code() const { return code_; }
	const std::string &hint() const { return hint_; }

private:
	Exit exit_;
	std::string code_;
	std::string hint_;
};

} // namespace egm
