// SPDX-License-Identifier: GPL-2.0-or-later
// Uevents as udev sends them, from umockdev: `watch` hears them, whatever sysfs says. A program of
// its own, as umockdev-wrapper has to start it.
#include <gtest/gtest.h>
#include <umockdev.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

constexpr const char *device = "/sys/devices/virtual/egm/egm4";

const std::string description = R"(P: /devices/virtual/egm/egm4
E: SUBSYSTEM=egm
E: DEVNAME=/dev/egm4
N: egm4
A: dev=240:4\n
A: egm_size=0x6fc0000000\n
A: pxm=4\n
A: state=idle\n
A: retired_count=0\n
A: retired_pages=
A: abi_version=1\n
)";

/** `egmctl watch`, whose lines are read as they come. */
class Watch {
public:
	Watch()
	{
		std::array<int, 2> ends;
		if (pipe(ends.data()) != 0)
			throw std::runtime_error("no pipe");
		child_ = fork();
		if (child_ == 0) {
			dup2(ends[1], STDOUT_FILENO);
			close(ends[0]);
			execl(EGMCTL, "egmctl", "watch", "--until", "poison", "--timeout", "60",
			      nullptr);
			_exit(127);
		}
		close(ends[1]);
		lines_.reset(fdopen(ends[0], "r"));
	}
	Watch(const Watch &) = delete;
	Watch &operator=(const Watch &) = delete;
	~Watch()
	{
		if (child_ > 0)
			kill(child_, SIGKILL);
	}

	/** Without the time; empty at the end. */
	std::string line()
	{
		std::string text;
		for (int c = std::fgetc(lines_.get()); c != EOF && c != '\n';
		     c = std::fgetc(lines_.get()))
			text += static_cast<char>(c);
		return text.empty() ? text : text.substr(text.find(' ') + 1);
	}

	int status()
	{
		int status = 0;
		waitpid(child_, &status, 0);
		child_ = -1;
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}

private:
	pid_t child_;
	std::unique_ptr<std::FILE, int (*)(std::FILE *)> lines_{ nullptr, std::fclose };
};

class Uevents : public testing::Test {
protected:
	void SetUp() override
	{
		ASSERT_TRUE(umockdev_testbed_add_from_string(testbed.get(), description.c_str(),
							     nullptr));
	}

	void say(const char *name, const char *value)
	{
		umockdev_testbed_set_property(testbed.get(), device, name, value);
	}

	std::unique_ptr<UMockdevTestbed, void (*)(void *)> testbed{ umockdev_testbed_new(),
								    g_object_unref };
};

} // namespace

TEST_F(Uevents, ToldByTheDriverAreSaid)
{
	Watch watch;
	EXPECT_EQ(watch.line(), "egm4 present state=idle");

	// Not what watch looks for
	umockdev_testbed_uevent(testbed.get(), device, "change");
	say("EGM_EVENT", "poison");
	say("OFFSET", "not a number");
	say("SIZE", "0x10000");
	umockdev_testbed_uevent(testbed.get(), device, "change");
	say("OFFSET", "0x800000");
	umockdev_testbed_uevent(testbed.get(), device, "change");
	EXPECT_EQ(watch.line(), "egm4 poison offset=0x800000 size=0x10000");
	EXPECT_EQ(watch.line(), "");
	EXPECT_EQ(watch.status(), 0);
}
