// SPDX-License-Identifier: GPL-2.0-or-later
#include "checks.hpp"

#include "diagnose.hpp"

namespace egm {

Result pass(std::string message, std::string about)
{
	return { Verdict::pass, std::move(about), std::move(message), {}, {} };
}

Result skip(std::string message, std::string about)
{
	return { Verdict::skip, std::move(about), std::move(message), {}, {} };
}

Result skip(const Unknown &unknown, std::string about)
{
	if (unknown.why == Why::not_exported)
		return skip("this host does not tell", std::move(about));
	return skip(why_unknown(unknown), std::move(about));
}

const std::vector<Check> &all_checks()
{
	static const std::vector<Check> checks = [] {
		std::vector<Check> all;
		for (const auto &part :
		     { host_checks(), firmware_checks(), device_checks(), vm_checks() })
			all.insert(all.end(), part.begin(), part.end());
		return all;
	}();
	return checks;
}

} // namespace egm
