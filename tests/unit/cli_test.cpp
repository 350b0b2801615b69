// SPDX-License-Identifier: GPL-2.0-or-later
// The built program as a user runs it: arguments, streams, exit statuses.
#include "fake_root.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace {

bool contains(const std::string &text, const std::string &part)
{
	return text.find(part) != std::string::npos;
}

// A good host; nodes cannot be made without root, so there is no /dev to judge them by.
class CliTest : public testing::Test {
protected:
	void SetUp() override
	{
		root.device(4, { "0008:01:00.0" }).gpu("0008:01:00.0", "joined", "none", 4);
		root.remove("/dev");
		root.write("/sys/class/egm/egm4/retired_pages", "0x10000 0x10000 firmware\n");
	}

	// A watch that a script, in the directory of egm4, gives something to see once it has
	// looked. The script goes on after what `seen EVENT` waits for.
	Outcome watch_while(const std::string &script, const std::string &arguments)
	{
		return run_program(
			{ "/bin/sh", "-c",
			  "cd \"$0/sys/class/egm/egm4\"; : >\"$0/output\"; "
			  "seen() { until grep -q \" egm4 $1 \" \"$0/output\"; do sleep 0.05; "
			  "done; }; "
			  "(seen present; " +
				  script + ") & " EGMCTL " watch " + arguments +
				  " --timeout 30 --sysroot \"$0\" >\"$0/output\"; status=$?; "
				  "kill $! 2>/dev/null; cat \"$0/output\"; exit $status",
			  root.path() });
	}

	FakeRoot root;
};

const std::string table = "DEVICE    SIZE PXM NODE STATE RETIRED GPUS\n"
			  "/dev/egm4 447G   4    2 idle        0 0008:01:00.0\n";

} // namespace

TEST_F(CliTest, ListPrintsTheTableAndNothingElse)
{
	const auto run = egmctl({ "--sysroot", root.path(), "list" });
	EXPECT_EQ(run.status, 0);
	EXPECT_EQ(run.out, table);
	EXPECT_EQ(run.err, "");
}

TEST_F(CliTest, GlobalOptionsMayStandAfterTheCommand)
{
	EXPECT_EQ(egmctl({ "list", "--sysroot", root.path() }).out, table);
	EXPECT_EQ(egmctl({ "list", "-Jb", "--sysroot=" + root.path() }).out,
		  egmctl({ "-b", "--json", "--sysroot=" + root.path(), "list" }).out);
	EXPECT_EQ(egmctl({ "info", "egm4", "-J", "--sysroot", root.path() }).out,
		  egmctl({ "-J", "--sysroot", root.path(), "info", "egm4" }).out);
}

TEST_F(CliTest, BytesDoNotChangeJson)
{
	EXPECT_EQ(egmctl({ "-J", "list", "--sysroot", root.path() }).out,
		  egmctl({ "-J", "-b", "list", "--sysroot", root.path() }).out);
}

TEST_F(CliTest, WarningsGoToStandardError)
{
	root.gpu("0018:01:00.0", "refused", "kdump", 5);
	const auto run = egmctl({ "list", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 0);
	EXPECT_EQ(run.out, table);
	EXPECT_EQ(run.err, "egmctl: 0018:01:00.0: EGM region refused (kdump): this is a crash "
			   "kernel, which cannot tell the region from the host's memory\n"
			   "hint: nothing: EGM comes back with the next normal boot\n");
}

TEST_F(CliTest, AListWithoutDevicesSucceedsAndSaysWhy)
{
	FakeRoot empty;
	const auto run = egmctl({ "list", "--sysroot", empty.path() });
	EXPECT_EQ(run.status, 0);
	EXPECT_EQ(run.out, "");
	EXPECT_TRUE(run.err.starts_with(
		"egmctl: no EGM device: the module nvgrace_gpu_vfio_pci is not loaded\nhint: "));
	const auto json = egmctl({ "list", "-J", "--sysroot", empty.path() });
	EXPECT_EQ(json.status, 0);
	EXPECT_TRUE(contains(json.out, "\"devices\": [],\n  \"gpus\": [],\n  \"warnings\": [\n"));
	EXPECT_EQ(json.err, run.err);
}

TEST_F(CliTest, InfoShowsTroubleInItsBlockAndOnlyThere)
{
	root.gpu("0018:01:00.0", "refused", "kdump", 5);
	const auto run = egmctl({ "info", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 0);
	EXPECT_TRUE(contains(run.out, "\n  Problem:          EGM region refused (kdump): "));
	EXPECT_EQ(run.err, "");
}

TEST_F(CliTest, InfoOfOneDeviceShowsThatOne)
{
	root.device(5, {});
	const auto run = egmctl({ "info", "/dev/egm4", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 0);
	EXPECT_TRUE(contains(run.out, "Device egm4\n"));
	EXPECT_FALSE(contains(run.out, "egm5"));
}

TEST_F(CliTest, AnUnknownDeviceIsStatusThree)
{
	for (const auto *command : { "info", "retired-pages" }) {
		const auto run = egmctl({ command, "egm9", "--sysroot", root.path() });
		EXPECT_EQ(run.status, 3);
		EXPECT_EQ(run.out, "");
		EXPECT_TRUE(run.err.starts_with("egmctl: egm9: no such EGM device\nhint: "));
	}
}

TEST_F(CliTest, RetiredPagesPrintsTheTable)
{
	const auto run = egmctl({ "retired-pages", "egm4", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 0);
	EXPECT_EQ(run.out, "DEVICE     OFFSET SIZE ORIGIN\n"
			   "/dev/egm4 0x10000  64K firmware\n");
	EXPECT_EQ(run.err, "");
}

TEST_F(CliTest, RetiredPagesSaysWhenThereAreNone)
{
	root.write("/sys/class/egm/egm4/retired_pages", "");
	const auto run = egmctl({ "retired-pages", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 0);
	EXPECT_EQ(run.out, "");
	EXPECT_EQ(run.err, "egmctl: egm4: no retired pages\n");
}

TEST_F(CliTest, RetiredPagesOfAnotherDriverAreStatusFive)
{
	FakeRoot shipped;
	shipped.nvidia_device(4, {});
	const auto run = egmctl({ "retired-pages", "--sysroot", shipped.path() });
	EXPECT_EQ(run.status, 5);
	EXPECT_EQ(run.out, "");
	EXPECT_TRUE(run.err.starts_with(
		"egmctl: egm4: retired pages are not exported by this driver\nhint: "));
}

TEST_F(CliTest, ADamagedTableOfRetiredPagesIsStatusSeventy)
{
	root.write("/sys/class/egm/egm4/retired_pages", "0x10000 0x10000 firmware\n0x2000");
	const auto run = egmctl({ "retired-pages", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 70);
	EXPECT_EQ(run.out, "");
	EXPECT_EQ(run.err, "egmctl: egm4: " + root.at("/sys/class/egm/egm4/retired_pages") +
				   ": line 2: has no end of line: \"0x2000\"\n");
}

TEST_F(CliTest, ATableOfRetiredPagesThatMayNotBeReadIsStatusFour)
{
	ASSERT_EQ(chmod(root.at("/sys/class/egm/egm4/retired_pages").c_str(), 0), 0);
	const Unprivileged nobody;
	const auto run = egmctl({ "retired-pages", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 4);
	EXPECT_TRUE(contains(run.err, "Permission denied\nhint: run as root\n"));
}

TEST_F(CliTest, NoCommandOpensTheNode)
{
	root.write("/dev/egm4", "");
	const int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ASSERT_GE(watch, 0);
	ASSERT_GE(inotify_add_watch(watch, root.at("/dev/egm4").c_str(), IN_OPEN), 0);
	const auto opened = [&] {
		std::array<char, 4096> events;
		return read(watch, events.data(), events.size()) > 0;
	};
	for (const std::vector<std::string> &command :
	     std::vector<std::vector<std::string>>{ { "list", "-o", "+USED-BY" },
						    { "info" },
						    { "retired-pages" },
						    { "validate" },
						    { "vm-config" },
						    { "vm-config", "--part", "host-setup" },
						    { "metrics", "--with-validate" },
						    { "watch", "--timeout", "1" } }) {
		auto arguments = command;
		arguments.insert(arguments.end(), { "--sysroot", root.path() });
		EXPECT_NE(egmctl(arguments).status, -1);
		EXPECT_FALSE(opened()) << command.front();
	}
	EXPECT_EQ(run_program({ "/bin/cat", root.at("/dev/egm4") }).status, 0);
	EXPECT_TRUE(opened()) << "the watch sees nothing at all";
	close(watch);
}

TEST_F(CliTest, WrongUsageIsStatusTwo)
{
	const std::vector<std::vector<std::string>> wrong = {
		{},
		{ "lst" },
		{ "list", "--nonsense" },
		{ "list", "--output" },
		{ "--sysroot" },
		{ "list", "--sysroot", "/nonexistent" },
		{ "list", "--sysroot", "" },
		{ "list", "--sysroot", root.at("/sys") },
	};
	for (const auto &arguments : wrong) {
		const auto run = egmctl(arguments);
		const auto line = testing::PrintToString(arguments);
		EXPECT_EQ(run.status, 2) << line;
		EXPECT_EQ(run.out, "") << line;
		EXPECT_TRUE(run.err.starts_with("egmctl: ")) << run.err;
		EXPECT_TRUE(run.err.ends_with("`egmctl --help` shows the usage\n")) << run.err;
		EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 2) << run.err;
	}
}

TEST_F(CliTest, AnUnknownCommandNamesTheNearest)
{
	EXPECT_EQ(egmctl({ "lst" }).err, "egmctl: unknown command: lst\nhint: the nearest is "
					 "`egmctl list`; `egmctl --help` shows the usage\n");
	EXPECT_TRUE(contains(egmctl({ "retierd" }).err, "`egmctl retired-pages`"));
	EXPECT_TRUE(contains(egmctl({ std::string(100000, 'x') }).err, "the nearest is `egmctl "));
	EXPECT_TRUE(contains(egmctl({ "--lst" }).err, "unknown option: --lst\n"));
}

TEST_F(CliTest, AFilterThatMatchesNothingIsNoError)
{
	for (const auto *command : { "list", "info", "retired-pages" }) {
		EXPECT_EQ(egmctl({ command, "pxm=9", "--sysroot", root.path() }).err,
			  "egmctl: no EGM device matches\nhint: `egmctl list` names the "
			  "devices and says why one is absent\n");
		const auto run = egmctl({ command, "pxm=9", "-q", "--sysroot", root.path() });
		EXPECT_EQ(run.status, 0) << command;
		EXPECT_EQ(run.out, "");
		EXPECT_EQ(run.err, "");
		EXPECT_EQ(egmctl({ command, "pxm=nine", "--sysroot", root.path() }).status, 2);
	}
}

TEST_F(CliTest, AnUnknownColumnIsWrongUsage)
{
	const auto run = egmctl({ "list", "-o", "SIZES", "-J", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 2);
	EXPECT_TRUE(run.err.starts_with("egmctl: unknown column: SIZES\nhint: there are DEVICE, "));
	EXPECT_TRUE(contains(run.out, "\"exit\":2,"));
	EXPECT_EQ(egmctl({ "info", "-o", "SIZE", "--sysroot", root.path() }).status, 2);
}

TEST_F(CliTest, WhoUsesADeviceIsInProc)
{
	root.write("/proc/42/comm", "qemu-system-aar\n");
	root.write("/proc/42/cmdline", std::string("qemu\0-name\0guest=vm1,x=on\0", 26));
	root.link("/proc/42/fd/7", "/dev/egm4").write("/proc/42/maps", "");
	root.write("/proc/43/comm", "mapper\n").directory("/proc/43/fd");
	root.write("/proc/43/maps",
		   "ffff00000000-ffff40000000 rw-s 00000000 00:05 99    /dev/egm4\n");
	root.write("/proc/44/comm", "other\n").directory("/proc/44/fd").write("/proc/44/maps", "");
	root.directory("/proc/45").write("/proc/self", "");
	root.write("/proc/46/comm", "before\n").link("/proc/46/fd/3", "/dev/egm4 (deleted)");
	const auto users = [&] {
		return egmctl({ "list", "-no", "USED-BY", "--sysroot", root.path() }).out;
	};
	EXPECT_EQ(users(), "vm1(42),mapper(43),before(46)\n");
	const auto json = egmctl({ "info", "-J", "--sysroot", root.path() }).out;
	EXPECT_TRUE(contains(json, "\"guest\": \"vm1\""));

	ASSERT_EQ(chmod(root.at("/proc/44/fd").c_str(), 0), 0);
	const Unprivileged nobody;
	EXPECT_EQ(users(), "-\n");
	EXPECT_TRUE(contains(egmctl({ "info", "-J", "--sysroot", root.path() }).out,
			     "\"in_use_by\": null"));
}

TEST_F(CliTest, AClosedPipeIsQuiet)
{
	const auto run = run_program({ "/bin/bash", "-c",
				       "trap '' PIPE; sleep 0.2 | cat >/dev/null & " EGMCTL
				       " list --sysroot \"$0\" > >(exec true); echo $?",
				       root.path() });
	EXPECT_EQ(run.out, "0\n");
	EXPECT_EQ(run.err, "");
}

TEST_F(CliTest, ErrorsAreJsonWhereverJsonIsAskedFor)
{
	const std::string usage = "\"schema\":\"egmctl.error\"";
	for (const auto &arguments :
	     std::vector<std::vector<std::string>>{ { "-J" },
						    { "lst", "-J" },
						    { "--json", "lst" },
						    { "list", "-bJ", "--what" } }) {
		const auto run = egmctl(arguments);
		EXPECT_EQ(run.status, 2);
		EXPECT_TRUE(contains(run.out, usage)) << run.out;
		EXPECT_TRUE(contains(run.out, "\"exit\":2,")) << run.out;
		EXPECT_TRUE(run.err.starts_with("egmctl: "));
	}
	const auto run = egmctl({ "info", "egm9", "-J", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 3);
	EXPECT_TRUE(contains(run.out, "\"code\":\"device_not_found\",\"exit\":3,"));
}

TEST_F(CliTest, HostileArgumentsAreShownSafely)
{
	const auto run = egmctl({ "info", "\033[2J\xff", "-J", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 3);
	EXPECT_TRUE(run.err.starts_with("egmctl: \\x1b[2J\\xff: no such EGM device\n")) << run.err;
	EXPECT_TRUE(contains(run.out, "\\\\x1b[2J\\\\xff")) << run.out;
}

TEST_F(CliTest, AFullDiskIsStatusSeventyFour)
{
	const auto run = run_program(
		{ "/bin/sh", "-c", EGMCTL " list --sysroot \"$0\" >/dev/full", root.path() });
	EXPECT_EQ(run.status, 74);
	EXPECT_EQ(run.err, "egmctl: cannot write the output: No space left on device\n");
}

TEST_F(CliTest, AFileThatCannotBeWrittenIsStatusSeventyFour)
{
	const auto run = egmctl(
		{ "metrics", "--to", root.at("/none/egm.prom"), "-J", "--sysroot", root.path() });
	EXPECT_EQ(run.status, 74);
	EXPECT_EQ(run.out, "");
	EXPECT_TRUE(contains(run.err, "/none/egm.prom: No such file or directory\n"));
}

TEST_F(CliTest, MetricsInAFileAreThoseThatArePrinted)
{
	const auto file = root.at("/egm.prom");
	const auto printed = egmctl({ "metrics", "--sysroot", root.path() });
	EXPECT_EQ(egmctl({ "metrics", "--to", file, "--sysroot", root.path() }).out, "");
	EXPECT_EQ(run_program({ "/bin/cat", file }).out, printed.out);
}

TEST_F(CliTest, AFailedCheckIsStatusOne)
{
	root.write("/sys/class/egm/egm4/egm_size", "0x1\n");
	root.write("/proc/sys/kernel/arch", "aarch64\n");
	EXPECT_EQ(egmctl({ "validate", "--check", "fw.size", "--sysroot", root.path() }).status, 1);
	EXPECT_EQ(egmctl({ "validate", "--check", "fw.mode", "--sysroot", root.path() }).status, 0);
	EXPECT_EQ(egmctl({ "validate", "--check", "fw.size", "--format", "nagios", "--sysroot",
			   root.path() })
			  .status,
		  2);
}

TEST_F(CliTest, APluginThatCannotLookKnowsNothing)
{
	const auto run = egmctl({ "validate", "--check", "fw.sise", "--format", "nagios",
				  "--sysroot", root.path() });
	EXPECT_EQ(run.status, 3);
	EXPECT_TRUE(run.out.starts_with("EGM UNKNOWN - ")) << run.out;
	EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1) << run.out;
	EXPECT_EQ(
		egmctl({ "validate", "-J", "--format", "nagios", "--sysroot", root.path() }).status,
		3);
}

TEST_F(CliTest, WatchEndsAtItsEventOrItsTime)
{
	const auto watch = [&](const std::vector<std::string> &more) {
		std::vector<std::string> arguments = { "watch", "--sysroot", root.path() };
		arguments.insert(arguments.end(), more.begin(), more.end());
		return egmctl(arguments);
	};
	EXPECT_EQ(watch({ "--timeout", "1" }).status, 1);
	EXPECT_EQ(watch({ "--until", "state=idle" }).status, 0);
	for (const auto *word : { "poisoned", "state=", "state=busy" })
		EXPECT_EQ(watch({ "--until", word }).status, 2) << word;
	const auto change = watch_while("echo in-use >state", "--until state=in-use");
	EXPECT_EQ(change.status, 0);
	EXPECT_TRUE(contains(change.out, "Z egm4 present state=idle\n")) << change.out;
	EXPECT_TRUE(contains(change.out, "Z egm4 state state=in-use\n")) << change.out;
}

TEST_F(CliTest, WatchSaysWhyADeviceMatchesNoLonger)
{
	const auto run = watch_while(
		"mv 0008:01:00.0 gpu_devices ../../..; touch gpu_devices; seen gpu-removed; "
		"mv ../../../0008:01:00.0 ../../../gpu_devices .",
		"gpu=0008:01:00.0 --until gpu-added");
	EXPECT_EQ(run.status, 0);
	EXPECT_TRUE(contains(run.out, "Z egm4 gpu-removed gpu=0008:01:00.0\n")) << run.out;
	EXPECT_TRUE(contains(run.out, "Z egm4 gpu-added gpu=0008:01:00.0\n")) << run.out;
	EXPECT_FALSE(contains(run.out, "egm4 removed")) << run.out;
}

TEST_F(CliTest, VersionIsTheProjects)
{
	for (const auto &arguments :
	     std::vector<std::vector<std::string>>{ { "--version" }, { "-V" }, { "list", "-V" } }) {
		const auto run = egmctl(arguments);
		EXPECT_EQ(run.status, 0);
		EXPECT_EQ(run.out, "egmctl " EGM_VERSION "\n");
	}
}

TEST_F(CliTest, HelpNamesEveryCommandAndOption)
{
	const auto run = egmctl({ "--help" });
	EXPECT_EQ(run.status, 0);
	EXPECT_EQ(run.err, "");
	for (const auto *word : { "list", "info", "retired-pages", "validate", "vm-config", "watch",
				  "metrics", "--json", "--bytes", "--sysroot", "--version",
				  "Exit status:", "never opens such a device" })
		EXPECT_TRUE(contains(run.out, word)) << word;
	for (const auto *command : { "list", "info", "retired-pages" }) {
		const auto help = egmctl({ command, "--help" });
		EXPECT_EQ(help.status, 0);
		EXPECT_TRUE(contains(help.out, std::string("Usage: egmctl ") + command))
			<< help.out;
	}
}
