// SPDX-License-Identifier: GPL-2.0-or-later
#include "parse_host.hpp"

#include <gtest/gtest.h>

using namespace egm;

namespace {

using Strings = std::set<std::string>;

const std::vector<std::string> hostile = {
	"",
	"\n",
	"\n\n\n",
	"=",
	":",
	"-",
	"[",
	"]",
	"[]",
	"\xff\xfe",
	std::string(3, '\0'),
	std::string(100000, 'A'),
	"CONFIG_",
	":::",
	" : ",
	"- : ",
	"0-0 : x",
	"cgroup_device_acl",
	"cgroup_device_acl = ]x[",
	"cgroup_device_acl = [ \"",
	" ",
	"a:b:c:d",
};

} // namespace

TEST(ParseHost, NoTextDoesHarm)
{
	for (const auto &text : hostile) {
		parse_release(text);
		parse_config(text);
		parse_choice(text);
		parse_iomem(text, "System RAM");
		parse_numbers(text);
		parse_module_path(text, "nvgrace-egm");
		parse_account(text, text, "qemu");
		parse_conf_list(text, "cgroup_device_acl");
		parse_qemu_list(text);
		parse_maps(text);
		parse_guest_name(text);
	}
}

TEST(ParseHost, AReleaseHasTwoNumbers)
{
	EXPECT_EQ(*parse_release("6.12.107+deb13-arm64"), (std::pair{ 6u, 12u }));
	EXPECT_EQ(*parse_release("7.3-rc1"), (std::pair{ 7u, 3u }));
	for (const auto *bad : { "7", "seven.three", ".3", "7.", "-7.3", "99999999999.1" })
		EXPECT_FALSE(parse_release(bad)) << bad;
}

TEST(ParseHost, AConfigurationIsItsSetOptions)
{
	const auto config =
		parse_config("# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_C=\"x y\"\nD=y");
	EXPECT_EQ(config.size(), 2u);
	EXPECT_EQ(config.at("CONFIG_B"), "y");
	EXPECT_EQ(config.at("CONFIG_C"), "\"x y\"");
}

TEST(ParseHost, TheChoiceIsInBrackets)
{
	EXPECT_EQ(*parse_choice("none [integrity] confidentiality\n"), "integrity");
	EXPECT_FALSE(parse_choice("none integrity\n"));
}

TEST(ParseHost, RamIsWhatIomemCallsSo)
{
	const auto ranges = parse_iomem("00000000-7fffffff : System RAM\n"
					"  00010000-0001ffff : reserved\n"
					"80000000-8fffffff : egm4\n"
					"  90000000-9fffffff : System RAM\n",
					"System RAM");
	ASSERT_TRUE(ranges);
	ASSERT_EQ(ranges->size(), 1u);
	EXPECT_EQ(ranges->at(0).last, 0x7fffffffu);
}

TEST(ParseHost, HiddenAddressesAreNoAddresses)
{
	EXPECT_FALSE(parse_iomem("00000000-00000000 : System RAM\n", "System RAM"));
}

TEST(ParseHost, AModuleIsFoundInEitherSpelling)
{
	const std::string text =
		"kernel/drivers/vfio/vfio.ko.xz:\n"
		"updates/dkms/nvgrace-egm.ko.zst: kernel/drivers/vfio/vfio.ko.xz\n";
	EXPECT_EQ(*parse_module_path(text, "nvgrace_egm"), "updates/dkms/nvgrace-egm.ko.zst");
	EXPECT_FALSE(parse_module_path(text, "nvgrace"));
}

TEST(ParseHost, AnAccountHasItsGroups)
{
	const auto account =
		parse_account("root:x:0:0::/:\nqemu:x:107:36::/:\n",
			      "kvm:x:36:\ndisk:x:6:root,qemu\nother:x:7:root\n", "qemu");
	ASSERT_TRUE(account);
	EXPECT_EQ(account->uid, 107u);
	EXPECT_EQ(account->gids, (std::set<std::uint32_t>{ 6, 36 }));
	EXPECT_FALSE(parse_account("qemu:x:many:36::/:\n", "", "qemu"));
}

TEST(ParseHost, AListOfLibvirtsMayHaveComments)
{
	EXPECT_EQ(*parse_conf_list("# cgroup_device_acl = [ \"/dev/no\" ]\n"
				   "cgroup_device_acl = [\n  \"/dev/null\", # \"/dev/full\"\n"
				   "  \"/dev/egm4\" ]\n",
				   "cgroup_device_acl"),
		  (Strings{ "/dev/null", "/dev/egm4" }));
	EXPECT_FALSE(parse_conf_list("#cgroup_device_acl = []\n", "cgroup_device_acl"));
}

TEST(ParseHost, QemusListIsIndented)
{
	EXPECT_EQ(parse_qemu_list("List of user creatable objects:\n  acpi-egm-memory\n  rng, x\n"),
		  (Strings{ "acpi-egm-memory", "rng" }));
}

TEST(ParseHost, AMappedFileIsThePathAtTheEnd)
{
	EXPECT_EQ(
		parse_maps("ffff00000000-ffff40000000 rw-s 00000000 00:05 99    /dev/egm4\n"
			   "ffff50000000-ffff50001000 rw-p 00000000 00:00 0     [heap]\n"
			   "ffff60000000-ffff60001000 r--p 00000000 08:01 7     /usr/lib/a b.so\n"),
		(Strings{ "/dev/egm4", "/usr/lib/a b.so" }));
}

TEST(ParseHost, AGuestHasTheNameInItsArguments)
{
	const auto name = [](const std::string &value) {
		using namespace std::string_literals;
		return parse_guest_name("qemu\0-name\0"s + value + "\0-m\0"s);
	};
	EXPECT_EQ(name("guest=vm1,debug-threads=on"), "vm1");
	EXPECT_EQ(name("vm1"), "vm1");
	EXPECT_EQ(name("guest=\033"), "\\x1b");
	EXPECT_EQ(parse_guest_name("qemu -name vm1"), "");
}
