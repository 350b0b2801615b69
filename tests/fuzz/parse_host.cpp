// SPDX-License-Identifier: GPL-2.0-or-later
// The parsers of the host's own files, and of what programs say.
#include "parse_host.hpp"

#include "fuzz.hpp"
#include "parse.hpp"

#include <algorithm>

using namespace egm;

void fuzz(std::string_view text)
{
	parse_release(text);
	parse_numbers(text);
	parse_iomem(text, "System RAM");
	for (const auto &[option, value] : parse_config(text))
		require(option.starts_with("CONFIG_") && value.find('\n') == value.npos);
	if (const auto word = parse_choice(text))
		require(parse_word(*word) == word);
	if (const auto path = parse_module_path(text, "nvgrace-egm"))
		require(printable(text).size() >= path->size());
	// A passwd file, a zero byte, a group file.
	const auto passwd = text.substr(0, text.find('\0'));
	if (const auto account = parse_account(
		    passwd, text.substr(std::min(passwd.size() + 1, text.size())), "qemu"))
		require(account->name == "qemu" && !account->gids.empty());
	for (const auto &item :
	     parse_conf_list(text, "cgroup_device_acl").value_or(std::set<std::string>{}))
		require(item.find('"') == item.npos);
	for (const auto &word : parse_qemu_list(text))
		require(parse_word(word) == word);
	for (const auto &path : parse_maps(text))
		require(path.starts_with('/') && path.find('\n') == path.npos);
	const auto guest = parse_guest_name(text);
	require(guest.find(',') == guest.npos);
	require(std::ranges::all_of(guest, [](char c) { return c >= ' ' && c <= '~'; }));
}
