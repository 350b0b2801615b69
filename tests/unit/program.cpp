// SPDX-License-Identifier: GPL-2.0-or-later
#include "program.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE *)>;

File temporary_file()
{
	File file(std::tmpfile(), std::fclose);
	if (!file)
		throw std::runtime_error("no temporary file");
	return file;
}

std::string content_of(std::FILE *file)
{
	std::rewind(file);
	std::string content;
	for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
		content += static_cast<char>(c);
	return content;
}

} // namespace

Outcome run_program(const std::vector<std::string> &argv)
{
	const File out = temporary_file();
	const File err = temporary_file();
	std::vector<char *> pointers;
	for (const auto &argument : argv)
		pointers.push_back(const_cast<char *>(argument.c_str()));
	pointers.push_back(nullptr);

	// Before rights are dropped: the build directory may be for its owner only.
	const int program = open(pointers[0], O_RDONLY | O_CLOEXEC);
	const pid_t child = fork();
	if (child == 0) {
		// An Unprivileged test has dropped its effective rights only; its program gets no
		// way back, and does not look like a set-uid one to its libraries.
		if (setresuid(geteuid(), geteuid(), geteuid()) != 0)
			_exit(126);
		dup2(fileno(out.get()), STDOUT_FILENO);
		dup2(fileno(err.get()), STDERR_FILENO);
		fexecve(program, pointers.data(), environ);
		_exit(127);
	}
	close(program);
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child)
		throw std::runtime_error("cannot run " + argv.at(0));
	return { WIFEXITED(status) ? WEXITSTATUS(status) : -1, content_of(out.get()),
		 content_of(err.get()) };
}

Outcome egmctl(std::vector<std::string> arguments)
{
	arguments.insert(arguments.begin(), EGMCTL);
	return run_program(arguments);
}
