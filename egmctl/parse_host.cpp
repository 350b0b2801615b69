// SPDX-License-Identifier: GPL-2.0-or-later
#include "parse_host.hpp"

#include "parse.hpp"

#include <algorithm>

namespace egm {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator)
{
	std::vector<std::string_view> parts;
	for (;;) {
		const auto end = text.find(separator);
		parts.push_back(text.substr(0, end));
		if (end == text.npos)
			return parts;
		text.remove_prefix(end + 1);
	}
}

std::string_view trimmed(std::string_view text)
{
	constexpr std::string_view blanks = " \t\r\n";
	const auto first = text.find_first_not_of(blanks);
	if (first == text.npos)
		return {};
	return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace

std::optional<std::pair<unsigned int, unsigned int>> parse_release(std::string_view text)
{
	const auto dot = text.find('.');
	if (dot == text.npos)
		return std::nullopt;
	const auto rest = text.substr(dot + 1);
	const auto major = parse_number<unsigned int>(text.substr(0, dot));
	const auto minor =
		parse_number<unsigned int>(rest.substr(0, rest.find_first_not_of("0123456789")));
	if (!major || !minor)
		return std::nullopt;
	return std::pair{ *major, *minor };
}

std::map<std::string, std::string> parse_config(std::string_view text)
{
	std::map<std::string, std::string> config;
	for (const auto line : split(text, '\n')) {
		const auto equals = line.find('=');
		if (line.starts_with("CONFIG_") && equals != line.npos)
			config.emplace(line.substr(0, equals), trimmed(line.substr(equals + 1)));
	}
	return config;
}

std::optional<std::string> parse_choice(std::string_view text)
{
	const auto open = text.find('[');
	const auto close = text.find(']', open == text.npos ? 0 : open);
	if (open == text.npos || close == text.npos)
		return std::nullopt;
	return parse_word(text.substr(open + 1, close - open - 1));
}

std::optional<std::vector<Range>> parse_iomem(std::string_view text, std::string_view name)
{
	constexpr std::string_view separator = " : ";
	std::vector<Range> ranges;
	bool hidden = true;
	for (const auto line : split(text, '\n')) {
		const auto colon = line.find(separator);
		const auto dash = line.find('-');
		if (colon == line.npos || dash == line.npos || dash > colon)
			continue;
		const auto first = parse_number<std::uint64_t>(line.substr(0, dash), 16);
		const auto last =
			parse_number<std::uint64_t>(line.substr(dash + 1, colon - dash - 1), 16);
		if (!first || !last)
			continue;
		hidden = hidden && *first == 0 && *last == 0;
		if (line.substr(colon + separator.size()) == name)
			ranges.push_back({ *first, *last });
	}
	if (hidden)
		return std::nullopt;
	return ranges;
}

std::optional<std::vector<std::uint64_t>> parse_numbers(std::string_view text)
{
	std::vector<std::uint64_t> numbers;
	for (const auto part : split(trimmed(text), ' ')) {
		const auto value = parse_number<std::uint64_t>(part);
		if (!value)
			return std::nullopt;
		numbers.push_back(*value);
	}
	return numbers;
}

std::optional<std::string> parse_module_path(std::string_view text, std::string_view module)
{
	const auto plain = [](std::string_view name) {
		std::string same(name);
		std::ranges::replace(same, '_', '-');
		return same;
	};
	for (const auto line : split(text, '\n')) {
		const auto path = line.substr(0, line.find(':'));
		const auto file = path.substr(path.rfind('/') + 1);
		const auto end = file.find(".ko");
		if (end != file.npos && plain(file.substr(0, end)) == plain(module))
			return printable(path);
	}
	return std::nullopt;
}

std::optional<Account> parse_account(std::string_view passwd, std::string_view group,
				     std::string_view name)
{
	Account account;
	for (const auto line : split(passwd, '\n')) {
		const auto fields = split(line, ':');
		if (fields.size() < 4 || fields[0] != name)
			continue;
		const auto uid = parse_number<std::uint32_t>(fields[2]);
		const auto gid = parse_number<std::uint32_t>(fields[3]);
		if (!uid || !gid)
			return std::nullopt;
		account = { printable(name), *uid, { *gid } };
		break;
	}
	if (account.name.empty())
		return std::nullopt;
	for (const auto line : split(group, '\n')) {
		const auto fields = split(line, ':');
		if (fields.size() < 4)
			continue;
		const auto gid = parse_number<std::uint32_t>(fields[2]);
		const auto members = split(fields[3], ',');
		if (gid && std::ranges::find(members, name) != members.end())
			account.gids.insert(*gid);
	}
	return account;
}

std::optional<std::set<std::string>> parse_conf_list(std::string_view text, std::string_view key)
{
	std::string code;
	for (const auto line : split(text, '\n'))
		code += std::string(line.substr(0, line.find('#'))) + "\n";
	const std::string_view rest = code;
	for (auto found = rest.find(key); found != rest.npos; found = rest.find(key, found + 1)) {
		const auto after = trimmed(rest.substr(found + key.size()));
		if (!after.starts_with('='))
			continue;
		const auto open = after.find('[');
		const auto close = after.find(']');
		if (open == after.npos || close == after.npos || close < open)
			return std::nullopt;
		std::set<std::string> items;
		const auto parts = split(after.substr(open + 1, close - open - 1), '"');
		for (std::size_t i = 1; i < parts.size(); i += 2)
			items.emplace(parts[i]);
		return items;
	}
	return std::nullopt;
}

std::set<std::string> parse_qemu_list(std::string_view text)
{
	std::set<std::string> words;
	for (const auto line : split(text, '\n')) {
		if (!line.starts_with(' '))
			continue;
		const auto start = trimmed(line);
		const auto word = parse_word(start.substr(0, start.find_first_of(" ,")));
		if (word)
			words.insert(*word);
	}
	return words;
}

std::set<std::string> parse_maps(std::string_view text)
{
	std::set<std::string> paths;
	for (const auto line : split(text, '\n')) {
		const auto slash = line.find('/');
		if (slash != line.npos)
			paths.emplace(line.substr(slash));
	}
	return paths;
}

std::string parse_guest_name(std::string_view arguments)
{
	using namespace std::string_view_literals;
	constexpr auto option = "\0-name\0"sv;
	constexpr auto key = "guest="sv;
	const auto found = arguments.find(option);
	if (found == arguments.npos)
		return {};
	auto value = arguments.substr(found + option.size());
	value = value.substr(0, value.find_first_of(",\0"sv));
	if (value.starts_with(key))
		value.remove_prefix(key.size());
	return printable(value);
}

} // namespace egm
