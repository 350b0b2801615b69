// SPDX-License-Identifier: GPL-2.0-or-later
// The checks of `validate`. Pure functions from a host to results.
#pragma once

#include "surroundings.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace egm {

/** How a check came out. */
enum class Verdict { pass, info, warn, fail, skip };

/** Everything that a check may look at. */
struct Subject {
	const Host &host;
	const Surroundings &around;
};

/** What a check says of one device, of one GPU, or of the host. */
struct Result {
	Verdict verdict = Verdict::pass;
	std::string about;   ///< name of a device, address of a GPU, or empty
	std::string message; ///< the outcome in a few words
	std::string fix;     ///< what to do about it; empty unless WARN or FAIL
	std::vector<std::pair<std::string, std::string>> evidence; ///< what was seen, by name
};

using Results = std::vector<Result>;

/** A check; its id is for ever. */
struct Check {
	std::string_view id; ///< "group.name"
	std::string_view title;
	bool needs_root;
	std::vector<std::string_view> after; ///< a FAIL of one of these explains a FAIL of this
	Results (*run)(const Subject &subject);

	std::string_view group() const { return id.substr(0, id.find('.')); }
};

/** The checks in the order of causes: what comes first explains what comes later. */
const std::vector<Check> &all_checks();

/** The parts of it. */
std::vector<Check> host_checks();
std::vector<Check> firmware_checks();
std::vector<Check> device_checks();
std::vector<Check> vm_checks();

/** Results of the common kinds. */
Result pass(std::string message, std::string about = {});
Result skip(std::string message, std::string about = {});
Result skip(const Unknown &unknown, std::string about = {});

/** What a function says of each device. */
template <class Function>
Results for_devices(const Subject &subject, Function function)
{
	Results results;
	for (const auto &device : subject.host.devices)
		results.push_back(function(device));
	if (results.empty())
		results.push_back(skip("no EGM device"));
	return results;
}

} // namespace egm
