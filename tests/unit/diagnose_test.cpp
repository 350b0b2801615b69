// SPDX-License-Identifier: GPL-2.0-or-later
// One good host, and one broken host for each rule.
#include "diagnose.hpp"
#include "fake_root.hpp"
#include "select.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace egm;

namespace {

// The warnings as "code subject".
std::vector<std::string> warnings(const FakeRoot &root)
{
	std::vector<std::string> list;
	for (const auto &finding : diagnose(root.host()))
		if (finding.severity == Severity::warning)
			list.push_back(finding.code + " " + finding.subject);
	return list;
}

// The message of the first finding.
std::string first_message(const FakeRoot &root)
{
	const auto findings = diagnose(root.host());
	return findings.empty() ? "" : findings[0].message;
}

class DiagnoseTest : public testing::Test {
protected:
	void SetUp() override
	{
		root.device(4, { "0008:01:00.0", "0009:01:00.0" });
		root.gpu("0008:01:00.0", "joined", "none", 4);
		root.gpu("0009:01:00.0", "joined", "none", 4);
	}
	FakeRoot root;
};

using Strings = std::vector<std::string>;

} // namespace

TEST_F(DiagnoseTest, AGoodHostHasNoFindings)
{
	EXPECT_TRUE(diagnose(root.host()).empty());
}

TEST_F(DiagnoseTest, AFilterThatMatchesNothingIsNoAbsence)
{
	const auto findings = diagnose(select_devices(root.host(), { "pxm=9" }));
	ASSERT_EQ(findings.size(), 1u);
	EXPECT_EQ(findings[0].code, "no_match");
}

TEST_F(DiagnoseTest, OtherDriversAreNotFaults)
{
	FakeRoot shipped, series;
	shipped.nvidia_device(4, { "0008:01:00.0" })
		.plain_gpu("0008:01:00.0", "nvgrace_gpu_vfio_pci");
	series.series_device(4, { "0008:01:00.0" })
		.plain_gpu("0008:01:00.0", "nvgrace_gpu_vfio_pci");
	EXPECT_TRUE(diagnose(shipped.host()).empty());
	EXPECT_TRUE(diagnose(series.host()).empty());
}

TEST_F(DiagnoseTest, AMissingNodeIsFoundAndTheHintMakesIt)
{
	root.no_node("/dev/egm4");
	const auto findings = diagnose(root.host());
	ASSERT_EQ(findings.size(), 1u);
	EXPECT_EQ(findings[0].code, "node_missing");
	EXPECT_EQ(findings[0].message, "egm4: /dev/egm4 is missing");
	EXPECT_EQ(findings[0].hint, "mknod -m 0600 /dev/egm4 c 240 4");
}

TEST_F(DiagnoseTest, ARegularFileInPlaceOfTheNodeIsFound)
{
	root.no_node("/dev/egm4").write("/dev/egm4", "");
	EXPECT_EQ(warnings(root), Strings{ "node_regular_file egm4" });
}

TEST_F(DiagnoseTest, ALinkInPlaceOfTheNodeIsFound)
{
	root.no_node("/dev/egm4").link("/dev/egm4", "null");
	EXPECT_EQ(warnings(root), Strings{ "node_not_a_device egm4" });
}

TEST_F(DiagnoseTest, AnotherDeviceInPlaceOfTheNodeIsFound)
{
	root.node("/dev/egm4", 1, 3);
	EXPECT_EQ(warnings(root), Strings{ "node_other_device egm4" });
}

TEST_F(DiagnoseTest, AStrayFileIsFound)
{
	root.write("/dev/egm5", "");
	EXPECT_EQ(warnings(root), Strings{ "stray_file egm5" });
}

TEST_F(DiagnoseTest, EveryAttributeThatCannotBeUnderstoodIsReported)
{
	for (const auto *name : { "egm_size", "pxm", "numa_node", "state", "retired_count",
				  "abi_version", "dev", "gpu_devices" }) {
		FakeRoot broken;
		broken.device(4, {}).write(std::string("/sys/class/egm/egm4/") + name, "?\n");
		EXPECT_EQ(warnings(broken), Strings{ "unreadable egm4" }) << name;
		EXPECT_NE(first_message(broken).find(std::string("/egm4/") + name + ": "),
			  std::string::npos);
	}
	for (const auto *name : { "status", "reason", "pxm", "size", "base" }) {
		FakeRoot broken;
		broken.device(4, { "0008:01:00.0" }).gpu("0008:01:00.0", "joined", "none", 4);
		broken.write(std::string("/sys/devices/pci/0008:01:00.0/egm/") + name, "?\n");
		EXPECT_EQ(warnings(broken), Strings{ "unreadable 0008:01:00.0" }) << name;
	}
}

TEST_F(DiagnoseTest, WhatOnlyRootMayReadIsANote)
{
	ASSERT_EQ(chmod(root.at("/sys/devices/pci/0008:01:00.0/egm/base").c_str(), 0), 0);
	const Unprivileged nobody;
	const auto findings = diagnose(root.host());
	ASSERT_EQ(findings.size(), 1u);
	EXPECT_EQ(findings[0].severity, Severity::note);
	EXPECT_EQ(findings[0].code, "permission_denied");
	EXPECT_EQ(findings[0].subject, "0008:01:00.0");
}

TEST_F(DiagnoseTest, ListsOfGpusThatDisagreeAreFound)
{
	root.write("/sys/class/egm/egm4/gpu_devices", "0008:01:00.0\n");
	EXPECT_EQ(warnings(root), Strings{ "gpu_lists_disagree egm4" });
}

TEST_F(DiagnoseTest, ARefusedGpuIsNamedWithItsReason)
{
	root.gpu("0018:01:00.0", "refused", "system-ram", 5);
	EXPECT_EQ(warnings(root), Strings{ "region_refused 0018:01:00.0" });
	EXPECT_EQ(first_message(root), "0018:01:00.0: EGM region refused (system-ram): the region "
				       "overlaps memory that this host itself uses as RAM");
}

TEST_F(DiagnoseTest, AReasonOfALaterDriverIsShownAsItIs)
{
	root.gpu("0018:01:00.0", "refused", "moon-phase", 5);
	EXPECT_EQ(first_message(root),
		  "0018:01:00.0: EGM region refused (moon-phase): a reason that "
		  "this version of egmctl does not know");
}

TEST_F(DiagnoseTest, AGpuWithEgmOffIsOnlyNoted)
{
	root.gpu("0018:01:00.0", "off", "zero", 5);
	const auto findings = diagnose(root.host());
	ASSERT_EQ(findings.size(), 1u);
	EXPECT_EQ(findings[0].severity, Severity::note);
	EXPECT_EQ(findings[0].code, "region_off");
}

TEST_F(DiagnoseTest, AJoinedGpuWithoutADeviceIsFound)
{
	root.gpu("0018:01:00.0", "joined", "none", 5);
	EXPECT_EQ(warnings(root), Strings{ "region_without_device 0018:01:00.0" });
}

TEST_F(DiagnoseTest, ASkippedEntryIsReported)
{
	root.directory("/sys/class/egm/other");
	EXPECT_EQ(warnings(root), Strings{ "skipped other" });
}

TEST(DiagnoseAbsence, TheFirstMissingLinkOfTheChainIsNamed)
{
	const std::string prefix = "no EGM device: ";

	FakeRoot nothing;
	EXPECT_EQ(first_message(nothing), prefix + "the module nvgrace_gpu_vfio_pci is not loaded");

	FakeRoot unbound;
	unbound.module("nvgrace_gpu_vfio_pci").module("nvgrace_egm");
	EXPECT_EQ(first_message(unbound), prefix + "no GPU is bound to nvgrace_gpu_vfio_pci");

	FakeRoot off;
	off.gpu("0008:01:00.0", "off", "zero", 0).gpu("0009:01:00.0", "off", "absent", 0);
	EXPECT_EQ(first_message(off), prefix + "EGM is off in firmware for 2 GPUs");

	FakeRoot refused;
	refused.gpu("0008:01:00.0", "refused", "kdump", 4).gpu("0018:01:00.0", "off", "zero", 0);
	EXPECT_EQ(first_message(refused),
		  prefix + "the driver refused the region of 1 GPU, EGM is off for 1 GPU");

	FakeRoot unloaded;
	unloaded.gpu("0008:01:00.0", "joined", "none", 4);
	EXPECT_EQ(first_message(unloaded), prefix + "the module nvgrace_egm is not loaded");

	FakeRoot untaken;
	untaken.gpu("0008:01:00.0", "joined", "none", 4).module("nvgrace_egm");
	EXPECT_EQ(first_message(untaken), prefix + "nvgrace_egm did not take the region of 1 GPU");

	FakeRoot foreign;
	foreign.plain_gpu("0008:01:00.0", "nvgrace_gpu_vfio_pci").module("nvgrace_egm");
	EXPECT_EQ(first_message(foreign),
		  prefix + "the loaded nvgrace_gpu_vfio_pci says nothing about EGM");
}
