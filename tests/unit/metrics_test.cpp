// SPDX-License-Identifier: GPL-2.0-or-later
#include "error.hpp"
#include "fake_root.hpp"
#include "metrics.hpp"
#include "output.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace egm;

namespace {

std::string content_of(const std::string &path)
{
	std::ifstream file(path);
	return { std::istreambuf_iterator<char>(file), {} };
}

} // namespace

TEST(Metrics, WhatIsNotKnownHasNoLine)
{
	FakeRoot root;
	root.nvidia_device(4, {});
	const auto text = metrics_text({ root.host(), {} });
	EXPECT_NE(text.find("egm_size_bytes{device=\"egm4\"} 479962595328\n"), std::string::npos);
	for (const auto *absent : { "egm_state", "egm_poison", "egm_retired", "egm_last" })
		EXPECT_EQ(text.find(absent), std::string::npos) << absent;
}

TEST(Metrics, RetiredPagesAreCountedByOrigin)
{
	FakeRoot root;
	root.device(4, {});
	const auto text = metrics_text(
		{ root.host(),
		  { { "egm4", std::vector<RetiredPage>{ { 0, 0x10000, "firmware" },
							{ 0x10000, 0x10000, "runtime" },
							{ 0x20000, 0x10000, "runtime" } } } } });
	EXPECT_NE(text.find("egm_retired_pages{device=\"egm4\",origin=\"firmware\"} 1\n"
			    "egm_retired_pages{device=\"egm4\",origin=\"runtime\"} 2\n"),
		  std::string::npos);
	EXPECT_NE(text.find("egm_retired_bytes{device=\"egm4\"} 196608\n"), std::string::npos);
}

TEST(Metrics, ChecksAreCounted)
{
	const Host host;
	const auto outcomes = run_checks(choose_checks({ "fw" }, {}), { host, Surroundings{} });
	const auto text = metrics_text({ host, {}, &outcomes });
	EXPECT_NE(text.find("egm_validate_checks{status=\"skip\"} 3\n"), std::string::npos);
	EXPECT_NE(text.find("egm_check_failed{check=\"fw.mode\"} 0\n"), std::string::npos);
}

TEST(Metrics, AFileIsReplacedWholeAndReadable)
{
	FakeRoot root;
	root.write("/dev/egm.prom", "old");
	write_file(root.at("/dev/egm.prom"), "new\n");
	EXPECT_EQ(content_of(root.at("/dev/egm.prom")), "new\n");
	struct stat status;
	ASSERT_EQ(stat(root.at("/dev/egm.prom").c_str(), &status), 0);
	EXPECT_EQ(status.st_mode & 07777u, 0644u);
}

TEST(Metrics, AFileThatCannotBeReplacedLeavesNothing)
{
	FakeRoot root;
	root.directory("/dev/taken/inside");
	ASSERT_EQ(mkfifo(root.at("/dev/pipe").c_str(), 0600), 0);
	ASSERT_EQ(symlink("elsewhere", root.at("/dev/link").c_str()), 0);
	for (const auto *path : { "/dev/none/egm.prom", "/dev/taken", "/dev/pipe", "/dev/link" }) {
		try {
			write_file(root.at(path), "new\n");
			ADD_FAILURE() << path;
		} catch (const Error &error) {
			EXPECT_EQ(error.exit(), Exit::output);
		}
	}
	const std::filesystem::directory_iterator left(root.at("/dev"));
	EXPECT_EQ(std::distance(begin(left), end(left)), 3);
	EXPECT_TRUE(std::filesystem::is_fifo(root.at("/dev/pipe")));
	EXPECT_TRUE(std::filesystem::is_symlink(root.at("/dev/link")));
}
