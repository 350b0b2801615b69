// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_root.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <stop_token>
#include <thread>

using namespace egm;

namespace {

constexpr std::size_t limit = 4096;

template <class T>
std::string detail_of(const Reading<T> &reading)
{
	return reading ? "known" : reading.unknown().detail;
}

} // namespace

TEST(Tree, ReadsAFileByteByByte)
{
	FakeRoot root;
	const std::string content("a\0b\n\xff", 5);
	root.write("/sys/file", content);
	EXPECT_EQ(*root.tree().read_file("/sys/file", limit), content);
}

TEST(Tree, AMissingFileIsNotExported)
{
	FakeRoot root;
	EXPECT_EQ(root.tree().read_file("/sys/none", limit).unknown().why, Why::not_exported);
	EXPECT_EQ(root.tree().list_directory("/sys/none").unknown().why, Why::not_exported);
	EXPECT_EQ(root.tree().read_link("/sys/none").unknown().why, Why::not_exported);
	EXPECT_EQ(root.tree().status_of("/sys/none").unknown().why, Why::not_exported);
}

TEST(Tree, AFileAtTheLimitIsReadAndAByteMoreIsAnError)
{
	FakeRoot root;
	root.write("/sys/full", std::string(limit, 'x'))
		.write("/sys/huge", std::string(limit + 1, 'x'));
	EXPECT_EQ(root.tree().read_file("/sys/full", limit)->size(), limit);
	EXPECT_EQ(detail_of(root.tree().read_file("/sys/huge", limit)),
		  root.at("/sys/huge: File too large"));
}

TEST(Tree, AnUnreadableFileNamesItselfAndTheCause)
{
	FakeRoot root;
	root.write("/sys/secret", "0x80000000\n");
	ASSERT_EQ(chmod(root.at("/sys/secret").c_str(), 0), 0);
	const Unprivileged nobody;
	const auto reading = root.tree().read_file("/sys/secret", limit);
	EXPECT_EQ(reading.unknown().why, Why::permission);
	EXPECT_EQ(reading.unknown().detail, root.at("/sys/secret: Permission denied"));
}

TEST(Tree, ADirectoryIsNotAFile)
{
	FakeRoot root;
	root.directory("/sys/place");
	EXPECT_EQ(detail_of(root.tree().read_file("/sys/place", limit)),
		  root.at("/sys/place: not a regular file"));
}

TEST(Tree, AFifoIsNeverOpened)
{
	FakeRoot root;
	ASSERT_EQ(mkfifo(root.at("/sys/fifo").c_str(), 0600), 0);
	EXPECT_EQ(detail_of(root.tree().read_file("/sys/fifo", limit)),
		  root.at("/sys/fifo: not a regular file"));
}

TEST(Tree, ADeviceIsNeverOpened)
{
	EXPECT_EQ(detail_of(Tree().read_file("/dev/null", limit)), "/dev/null: not a regular file");
}

TEST(Tree, ALoopOfLinksIsAnError)
{
	FakeRoot root;
	root.link("/sys/a", "b").link("/sys/b", "a");
	EXPECT_EQ(detail_of(root.tree().read_file("/sys/a", limit)),
		  root.at("/sys/a: Too many levels of symbolic links"));
}

TEST(Tree, ALinkIsResolvedInsideTheTree)
{
	FakeRoot root;
	root.write("/sys/real/file", "inside\n");
	root.link("/sys/absolute", "/sys/real").link("/sys/relative", "../sys/real");
	EXPECT_EQ(*root.tree().read_file("/sys/absolute/file", limit), "inside\n");
	EXPECT_EQ(*root.tree().read_file("/sys/relative/file", limit), "inside\n");
}

TEST(Tree, WhatIsRenamedElsewhereDisturbsNobody)
{
	FakeRoot root, elsewhere;
	elsewhere.write("/a", "").write("/b", "");
	std::string winding;
	for (int level = 0; level < 20; level++)
		winding += "../sys/";
	root.write("/sys/real/file", "inside\n").link("/sys/winding", winding + "real");

	// Of two, one at least is on another processor than the reader.
	const auto rename = [&](const std::stop_token &stop) {
		while (!stop.stop_requested())
			renameat2(AT_FDCWD, elsewhere.at("/a").c_str(), AT_FDCWD,
				  elsewhere.at("/b").c_str(), RENAME_EXCHANGE);
	};
	const std::jthread one(rename), two(rename);
	const Tree tree = root.tree();
	for (int round = 0; round < 20'000; round++) {
		const auto content = tree.read_file("/sys/winding/file", limit);
		ASSERT_TRUE(content) << "round " << round << ": " << content.unknown().detail;
	}
}

TEST(Tree, NoLinkLeadsOutOfTheTree)
{
	FakeRoot root;
	root.link("/sys/absolute", "/etc").link("/sys/climbing", "../../../../../../etc");
	for (const auto *path : { "/sys/absolute", "/sys/climbing" }) {
		EXPECT_FALSE(root.tree().read_file(std::string(path) + "/passwd", limit)) << path;
		EXPECT_FALSE(root.tree().list_directory(path)) << path;
		EXPECT_FALSE(root.tree().status_of(std::string(path) + "/passwd")) << path;
	}
}

TEST(Tree, ALinkIsReadAndNotFollowed)
{
	FakeRoot root;
	root.link("/sys/driver", "../nowhere/vfio-pci").write("/sys/file", "");
	EXPECT_EQ(*root.tree().read_link("/sys/driver"), "../nowhere/vfio-pci");
	EXPECT_EQ(detail_of(root.tree().read_link("/sys/file")),
		  root.at("/sys/file: not a symbolic link"));
	EXPECT_TRUE(S_ISLNK(root.tree().status_of("/sys/driver")->st_mode));
}

TEST(Tree, NamesOfADirectoryAreAscending)
{
	FakeRoot root;
	root.write("/sys/place/b", "").write("/sys/place/a", "").directory("/sys/place/c");
	EXPECT_EQ(*root.tree().list_directory("/sys/place"),
		  (std::vector<std::string>{ "a", "b", "c" }));
}

TEST(Tree, HostilePathsAreShownSafely)
{
	EXPECT_EQ(Tree("/x/").shown("/sys/\033[2J"), "/x/sys/\\x1b[2J");
}

TEST(Tree, TheRootDirectoryIsTheRunningSystem)
{
	EXPECT_TRUE(Tree("/").live());
	EXPECT_TRUE(Tree("//").live());
	EXPECT_FALSE(Tree("/tmp").live());
}
