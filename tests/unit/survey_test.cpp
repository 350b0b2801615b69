// SPDX-License-Identifier: GPL-2.0-or-later
// What the running system says through programs, with programs that the test puts in their place.
#include "survey.hpp"

#include "fake_root.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>

using namespace egm;

namespace {

/** A host without any program but those that a test writes. */
class Survey : public testing::Test {
protected:
	Survey() { setenv("PATH", root.path().c_str(), 1); }
	~Survey() override { setenv("PATH", path.c_str(), 1); }

	void program(const std::string &name, const std::string &script)
	{
		root.write("/" + name, "#!/bin/sh\n" + script);
		chmod(root.at("/" + name).c_str(), 0755);
	}

	FakeRoot root;

private:
	const std::string path = std::getenv("PATH");
};

Host host_of(const std::string &kernel)
{
	Host host;
	host.machine.kernel = kernel;
	return host;
}

} // namespace

TEST_F(Survey, TheRunningKernelSaysHowItWasConfigured)
{
	program("zcat", "[ \"$*\" = /proc/config.gz ] && echo CONFIG_ACPI=y\n");
	const auto host = host_of("7.3-of-nobody");
	const auto running = survey(Tree(), host, {}).config;
	ASSERT_TRUE(running);
	EXPECT_EQ(running->at("CONFIG_ACPI"), "y");

	SurveyOptions other;
	other.kernel = "7.4-of-nobody";
	EXPECT_FALSE(survey(Tree(), host, other).config);
	EXPECT_FALSE(survey(root.tree(), host, {}).config);
}

TEST_F(Survey, AKernelThatDoesNotSayIsLookedUpInItsFiles)
{
	program("zcat", "exit 1\n");
	EXPECT_FALSE(survey(Tree(), host_of("7.3-of-nobody"), {}).config);
	root.write("/boot/config-7.3", "CONFIG_ACPI=m\n");
	const auto recorded = survey(root.tree(), host_of("7.3"), {}).config;
	ASSERT_TRUE(recorded);
	EXPECT_EQ(recorded->at("CONFIG_ACPI"), "m");
}

TEST_F(Survey, AppArmorsRulesMayStandInAFileOfTheirOwn)
{
	root.write("/usr/share/libvirt/schemas/domaincommon.rng", "");
	const std::string profile = "/etc/apparmor.d/abstractions/libvirt-qemu";
	root.write(profile, "/dev/kvm rw,\n");
	EXPECT_FALSE(*survey(root.tree(), Host(), {}).libvirt.apparmor);
	root.write(profile + ".d/nvgrace-egm", "/dev/egm[0-9]* rw,\n");
	EXPECT_TRUE(*survey(root.tree(), Host(), {}).libvirt.apparmor);
}

TEST_F(Survey, TheFirstQemuThatAnswersIsAsked)
{
	program("qemu-system-aarch64", "case $1 in\n"
				       "--version) echo QEMU emulator version 11.1 ;;\n"
				       "-object) printf 'There are:\\n  acpi-egm-memory\\n' ;;\n"
				       "esac\n");
	const auto qemu = survey_qemu(Tree(), "");
	EXPECT_EQ(*qemu.version, "QEMU emulator version 11.1");
	EXPECT_EQ(*qemu.objects, std::set<std::string>{ "acpi-egm-memory" });

	program("broken", "exit 1\n");
	EXPECT_FALSE(survey_qemu(Tree(), "broken").version);
	EXPECT_FALSE(survey_qemu(root.tree(), "").version);
}
