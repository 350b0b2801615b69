// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel_file.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace e2e {

std::string text_of(const std::string &path)
{
	std::ifstream file(path, std::ios::binary);

	if (!file)
		throw std::runtime_error("cannot read " + path);
	return { std::istreambuf_iterator<char>(file), {} };
}

void write_text(const std::string &path, const std::string &text)
{
	std::ofstream file(path);

	if (!(file << text << std::flush))
		throw std::runtime_error("cannot write " + text + " to " + path);
}

Setting::Setting(const std::string &path, const std::string &text)
	: path_(path), was_(text_of(path))
{
	// "always [madvise] never"
	if (const auto start = was_.find('['); start != std::string::npos)
		was_ = was_.substr(start + 1, was_.find(']') - start - 1);
	write_text(path, text);
}

Setting::~Setting()
{
	std::ofstream(path_) << was_;
}

} // namespace e2e
