// SPDX-License-Identifier: GPL-2.0-or-later
// Parsers for the host's own files. Pure functions that take any text; what they cannot use they
// pass over, as the files' other readers do.
#pragma once

#include "surroundings.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace egm {

/** The 6 and 12 of "6.12.3-whatever". */
std::optional<std::pair<unsigned int, unsigned int>> parse_release(std::string_view text);

/** A kernel's configuration: "CONFIG_A=y" lines. */
std::map<std::string, std::string> parse_config(std::string_view text);

/** The word in brackets of "none [integrity] confidentiality". */
std::optional<std::string> parse_choice(std::string_view text);

/** The top-level ranges of /proc/iomem with a name; none when their addresses are hidden (all 0).
 */
std::optional<std::vector<Range>> parse_iomem(std::string_view text, std::string_view name);

/** Numbers with spaces between them: a node's distances. */
std::optional<std::vector<std::uint64_t>> parse_numbers(std::string_view text);

/** The path of a module in modules.dep: "updates/dkms/nvgrace-egm.ko.xz"; '-' and '_' are one. */
std::optional<std::string> parse_module_path(std::string_view text, std::string_view module);

/** An account of a passwd file, with its groups of a group file. */
std::optional<Account> parse_account(std::string_view passwd, std::string_view group,
				     std::string_view name);

/** The strings of a list in libvirt's qemu.conf; none where it is not set. */
std::optional<std::set<std::string>> parse_conf_list(std::string_view text, std::string_view key);

/** The first words of indented lines: what QEMU's -object help lists. */
std::set<std::string> parse_qemu_list(std::string_view text);

/** The files that a process has mapped, in "START-END PERM OFFSET MAJ:MIN INODE   PATH" lines. */
std::set<std::string> parse_maps(std::string_view text);

/** The guest's name in the arguments of a process: "qemu\0-name\0guest=vm1,debug-threads=on\0". */
std::string parse_guest_name(std::string_view arguments);

} // namespace egm
