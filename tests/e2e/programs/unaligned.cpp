// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unaligned FILE OFFSET: writes and reads a word that is not aligned, in a file that is
 * mapped. Says "ok", or "SIGBUS": device memory answers with that, and it is enough that
 * one of all who map it maps it so.
 */
#include "mapping.hpp"
#include "unique_fd.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>

int main(int, char *argv[])
{
	struct [[gnu::packed]] Unaligned {
		std::uint8_t before;
		volatile std::uint64_t word;
	};
	constexpr std::uint64_t value = 0x0123456789abcdef;

	std::signal(SIGBUS, [](int) {
		[[maybe_unused]] const auto written = write(STDOUT_FILENO, "SIGBUS\n", 7);
		_exit(0);
	});
	const e2e::Mapping mapping(e2e::open_file(argv[1], O_RDWR), sizeof(Unaligned),
				   std::strtoull(argv[2], nullptr, 0));
	auto *place = reinterpret_cast<Unaligned *>(mapping.data());
	place->word = value;
	std::cout << (place->word == value ? "ok" : "another word") << '\n';
	return 0;
}
