// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace e2e {

/// The text of a file that the kernel offers; throws where there is none.
std::string text_of(const std::string &path);

void write_text(const std::string &path, const std::string &text);

/// A setting of the kernel's, changed for as long as this lives.
class Setting {
public:
	Setting(const std::string &path, const std::string &text);
	Setting(const Setting &) = delete;
	Setting &operator=(const Setting &) = delete;
	~Setting();

private:
	std::string path_, was_;
};

} // namespace e2e
