// SPDX-License-Identifier: GPL-2.0-or-later
// A host with one hostile file: the first byte chooses the file, the second the command, the rest
// is what the file says.
#include "egmctl.hpp"

#include "fuzz.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace fs = std::filesystem;

namespace {

const std::vector<std::vector<std::string>> commands = {
	{ "list", "-o", "+SOCKET,USED-BY,POISON,BASE,MAPPING,MODE,ABI,DIALECT" },
	{ "info" },
	{ "info", "-J" },
	{ "retired-pages" },
	{ "retired-pages", "-J" },
	{ "validate", "-v" },
	{ "validate", "-J" },
	{ "vm-config", "--partial" },
	{ "vm-config", "--partial", "--format", "libvirt" },
	{ "vm-config", "--part", "host-setup", "-J" },
	{ "metrics", "--with-validate" },
};

// In an order that every run finds again; a link to a file would count twice.
std::vector<fs::path> files()
{
	std::vector<fs::path> found;
	for (const auto &entry : fs::recursive_directory_iterator(recorded_host))
		if (entry.is_regular_file() && !entry.is_symlink())
			found.push_back(entry.path());
	std::ranges::sort(found);
	return found;
}

std::string content_of(const fs::path &path)
{
	std::ifstream file(path, std::ios::binary);
	return { std::istreambuf_iterator<char>(file), {} };
}

void write(const fs::path &path, std::string_view content)
{
	std::ofstream file(path, std::ios::binary | std::ios::trunc);
	file << content;
	file.close();
	require(!file.fail());
}

} // namespace

void fuzz(std::string_view text)
{
	static const auto paths = files();
	require(!paths.empty());
	if (text.size() < 2)
		return;
	const auto &path = paths[static_cast<unsigned char>(text[0]) % paths.size()];
	const auto &command = commands[static_cast<unsigned char>(text[1]) % commands.size()];
	const auto before = content_of(path);
	write(path, text.substr(2));
	egmctl(command);
	write(path, before);
}
