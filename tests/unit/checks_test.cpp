// SPDX-License-Identifier: GPL-2.0-or-later
// One good host, and for each check the same host with one thing broken.
#include "error.hpp"
#include "fake_root.hpp"
#include "validate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

using namespace egm;

namespace {

constexpr const char *ours = "nvgrace_gpu_vfio_pci";

Surroundings good_surroundings()
{
	Surroundings around;
	around.release = std::string("7.3.4");
	around.cpu = std::uint64_t{ 0x410fd4f0 };
	around.config = std::map<std::string, std::string>{ { "CONFIG_ACPI", "y" },
							    { "CONFIG_MEMORY_FAILURE", "y" },
							    { "CONFIG_VFIO_PCI_CORE", "m" } };
	around.lockdown = std::string("integrity");
	const InstalledModule installed{ std::string("updates/dkms/x.ko"), std::string("ABC"),
					 std::string("somebody") };
	around.egm_module = around.gpu_module = installed;
	around.map_retired = std::string("firmware");
	around.retired["egm4"] = std::vector<RetiredPage>{ { 0x10000, 0x10000, "firmware" } };
	around.system_ram = std::vector<Range>{ { 0, 0x7fffffff } };
	around.distances = { { 0, { 10, 80 } }, { 2, { 80, 10 } } };
	for (const auto *address : { "0008:01:00.0", "0009:01:00.0" }) {
		const Function function{ address, std::string(ours), std::uint64_t{ 0 } };
		around.nvidia.push_back(function);
		around.groups.push_back(
			{ address, std::vector<Function>{ function }, Reading<bool>(true) });
	}
	around.iommufd = false;
	around.type1 = true;
	around.kvm = { NodeOwner{ 0660, 0, 106 }, true };
	around.qemu = { std::string("QEMU emulator version 11.1"),
			std::set<std::string>{ "acpi-generic-initiator", "acpi-egm-memory" } };
	around.libvirt.installed = true;
	around.libvirt.knows_egm = false;
	around.libvirt.nodes = std::set<std::string>{ "/dev/egm4" };
	around.libvirt.apparmor = true;
	around.vm_user = Account{ "libvirt-qemu", 64055, { 106 } };
	return around;
}

Host good_host()
{
	FakeRoot root;
	root.device(4, { "0008:01:00.0", "0009:01:00.0" });
	root.gpu("0008:01:00.0", "joined", "none", 4).gpu("0009:01:00.0", "joined", "none", 4);
	root.write("/proc/sys/kernel/arch", "aarch64\n");
	Host host = root.host();
	for (auto *module : { &host.egm_module, &host.gpu_module })
		*module = { true, std::string("0.1.0"), std::string("ABC") };
	host.devices.at(0).owner = NodeOwner{ 0660, 0, 106 };
	for (auto &gpu : host.gpus)
		gpu.numa_node = std::uint64_t{ 0 };
	return host;
}

// What is neither PASS nor INFO nor a consequence, as "verdict id".
std::vector<std::string> trouble(const Host &host, const Surroundings &around)
{
	std::vector<std::string> list;
	for (const auto &[check, result] : run_checks(choose_checks({}, {}), { host, around }))
		if (result.verdict == Verdict::warn || result.verdict == Verdict::fail)
			list.push_back(std::string(verdict_word(result.verdict)) + " " +
				       std::string(check->id));
	const auto [first, last] = std::ranges::unique(list);
	list.erase(first, last);
	return list;
}

using Strings = std::vector<std::string>;

struct Fault {
	const char *expected; ///< the one verdict that it causes
	std::function<void(Host &, Surroundings &)> plant;
};

Gpu &second(Host &host)
{
	return host.gpus.at(1);
}

void refuse(Host &host, const char *reason, std::uint64_t pxm)
{
	auto &gpu = second(host);
	gpu.status = std::string("refused");
	gpu.reason = std::string(reason);
	gpu.pxm = pxm;
}

const std::vector<Fault> faults = {
	{ "fail host.arch", [](Host &host, auto &) { host.machine.arch = std::string("x86_64"); } },
	{ "fail host.kernel",
	  [](auto &, Surroundings &around) { around.release = std::string("6.8.0-31"); } },
	{ "fail host.kernel",
	  [](auto &, Surroundings &around) {
		  around.config = std::map<std::string, std::string>{ { "CONFIG_ACPI", "y" } };
	  } },
	{ "warn pkg.dkms",
	  [](auto &, Surroundings &around) { around.egm_module.path = Unknown{}; } },
	{ "warn pkg.dkms",
	  [](auto &, Surroundings &around) {
		  around.gpu_module.path = std::string("kernel/drivers/vfio/pci/x.ko");
	  } },
	{ "warn host.secureboot",
	  [](auto &, Surroundings &around) { around.egm_module.signer = std::string(); } },
	{ "fail mod.loaded", [](Host &host, auto &) { host.egm_module.loaded = false; } },
	{ "fail mod.loaded", [](Host &host, auto &) { host.gpu_module.loaded = false; } },
	{ "fail mod.pair", [](Host &host, auto &) { host.gpu_module.version = Unknown{}; } },
	{ "fail mod.pair",
	  [](Host &host, auto &) { host.gpu_module.version = std::string("0.0.9"); } },
	{ "fail mod.current",
	  [](auto &, Surroundings &around) { around.egm_module.srcversion = std::string("DEF"); } },
	{ "fail fw.mode", [](Host &host, auto &) { refuse(host, "system-ram", 0); } },
	{ "fail fw.mode", [](Host &host, auto &) { refuse(host, "system-ram", 5); } },
	{ "fail fw.mode",
	  [](Host &host, auto &) {
		  for (auto &gpu : host.gpus) {
			  gpu.status = std::string("off");
			  gpu.reason = std::string("zero");
		  }
	  } },
	{ "fail fw.region", [](Host &host, auto &) { refuse(host, "unaligned", 5); } },
	{ "fail acpi.consistent", [](Host &host, auto &) { refuse(host, "disagrees", 5); } },
	{ "fail fw.size",
	  [](Host &host, auto &) { host.devices[0].size_bytes = std::uint64_t{ 0 }; } },
	{ "warn fw.size",
	  [](Host &host, auto &) { host.devices[0].size_bytes = std::uint64_t{ 0x6fc0010000 }; } },
	{ "warn acpi.retired-base",
	  [](auto &, Surroundings &around) {
		  around.retired["egm4"] =
			  std::vector<RetiredPage>{ { 0x7000000000, 0x10000, "firmware" } };
	  } },
	{ "fail mem.overlap",
	  [](auto &, Surroundings &around) {
		  around.system_ram = std::vector<Range>{ { 0x7ffffff, 0x80000000 } };
	  } },
	{ "warn numa.node",
	  [](Host &host, auto &) { host.devices[0].numa_node = Unknown{ Why::not_set, {} }; } },
	{ "warn numa.node",
	  [](auto &, Surroundings &around) { around.distances[2] = { 10, 80 }; } },
	{ "fail gpu.driver",
	  [](auto &, Surroundings &around) { around.nvidia[0].driver = std::string("nvidia"); } },
	{ "fail gpu.driver",
	  [](auto &, Surroundings &around) { around.nvidia[0].driver = Unknown{}; } },
	{ "fail gpu.complete",
	  [](Host &host, auto &) { host.devices[0].gpus = { "0008:01:00.0" }; } },
	{ "fail gpu.group",
	  [](auto &, Surroundings &around) { around.groups[0].members = Unknown{}; } },
	{ "fail gpu.group", [](auto &, Surroundings &around) { around.groups[0].node = false; } },
	{ "fail gpu.group",
	  [](auto &, Surroundings &around) {
		  around.groups[0].members =
			  std::vector<Function>{ { "0008:02:00.0", std::string("e1000e"),
						   Unknown{} } };
	  } },
	{ "fail dev.present", [](Host &host, auto &) { host.devices[0].node = Node::missing; } },
	{ "fail dev.present",
	  [](Host &host, auto &) { host.devices[0].node = Node::regular_file; } },
	{ "fail dev.present", [](Host &host, auto &) { host.stray_files = { "egm7" }; } },
	{ "fail dev.region", [](Host &host, auto &) { host.devices.clear(); } },
	{ "warn dev.access",
	  [](Host &host, auto &) { host.devices[0].owner = NodeOwner{ 0600, 0, 0 }; } },
	{ "fail ras.retired",
	  [](auto &, Surroundings &around) {
		  around.retired["egm4"] =
			  std::vector<RetiredPage>{ { 0x10000, 0x10000, "runtime" } };
	  } },
	{ "fail ras.retired",
	  [](auto &, Surroundings &around) { around.map_retired = std::string("none"); } },
	{ "warn ras.retired",
	  [](auto &, Surroundings &around) {
		  std::vector<RetiredPage> pages;
		  for (std::uint64_t i = 0; i < 65; i++)
			  pages.push_back({ i << 16, 0x10000, "firmware" });
		  around.retired["egm4"] = pages;
	  } },
	{ "fail kvm.present", [](auto &, Surroundings &around) { around.kvm.node = Unknown{}; } },
	{ "warn kvm.access",
	  [](auto &, Surroundings &around) { around.kvm.node = NodeOwner{ 0600, 0, 0 }; } },
	{ "fail kvm.cacheable-pfnmap",
	  [](auto &, Surroundings &around) { around.kvm.cacheable_pfnmap = false; } },
	{ "fail vm.backend", [](auto &, Surroundings &around) { around.type1 = false; } },
	{ "fail vm.backend",
	  [](auto &, Surroundings &around) {
		  around.type1 = false;
		  around.iommufd = true;
	  } },
	{ "warn kvm.iommufd-pfnmap", [](auto &, Surroundings &around) { around.iommufd = true; } },
	{ "warn qemu.object",
	  [](auto &, Surroundings &around) { around.qemu.objects = std::set<std::string>{}; } },
	{ "warn libvirt.cgroup-acl",
	  [](auto &, Surroundings &around) { around.libvirt.nodes = std::set<std::string>{}; } },
	{ "warn libvirt.mac",
	  [](auto &, Surroundings &around) { around.libvirt.apparmor = false; } },
};

} // namespace

TEST(Checks, AGoodHostPassesAll)
{
	EXPECT_EQ(trouble(good_host(), good_surroundings()), Strings{});
}

TEST(Checks, EachFaultTurnsItsCheckAndNoOther)
{
	for (std::size_t i = 0; i < faults.size(); i++) {
		auto host = good_host();
		auto around = good_surroundings();
		faults[i].plant(host, around);
		EXPECT_EQ(trouble(host, around), Strings{ faults[i].expected }) << "fault " << i;
	}
}

TEST(Checks, EveryCheckHasAFaultUnlessItOnlyInforms)
{
	const Strings informing = { "host.cpu",	   "dev.idle",	   "dev.zero-time",
				    "kvm.iommufd", "qemu.version", "libvirt.schema" };
	for (const auto &check : all_checks()) {
		const bool informs = std::ranges::find(informing, check.id) != informing.end();
		const bool broken = std::ranges::any_of(faults, [&](const Fault &fault) {
			return std::string_view(fault.expected).substr(5) == check.id;
		});
		EXPECT_NE(informs, broken) << check.id;
	}
}

TEST(Checks, OnlyCausesThatComeBeforeAreNamed)
{
	Strings before;
	for (const auto &check : all_checks()) {
		for (const auto &cause : check.after)
			EXPECT_NE(std::ranges::find(before, cause), before.end())
				<< check.id << " after " << cause;
		before.emplace_back(check.id);
	}
}

TEST(Checks, AnEmptyHostHasNoPassForWhatIsNotThere)
{
	const Host host;
	const Surroundings around;
	for (const auto &[check, result] : run_checks(choose_checks({}, {}), { host, around }))
		EXPECT_NE(result.verdict, Verdict::pass) << check->id << ": " << result.message;
}

TEST(Checks, ASignatureThatCannotBeSeenIsNotVouchedFor)
{
	auto around = good_surroundings();
	around.gpu_module.signer = Unknown{};
	const auto outcomes =
		run_checks(choose_checks({ "host.secureboot" }, {}), { good_host(), around });
	ASSERT_EQ(outcomes.size(), 1u);
	EXPECT_EQ(outcomes[0].result.verdict, Verdict::skip);
}

TEST(Checks, WhatACauseExplainsIsSkippedAndSaysSo)
{
	auto host = good_host();
	host.egm_module.loaded = false;
	host.devices.clear();
	const auto around = good_surroundings();
	const auto outcomes = run_checks(choose_checks({}, {}), { host, around });
	const auto found = std::ranges::find_if(
		outcomes, [](const auto &outcome) { return outcome.check->id == "gpu.complete"; });
	ASSERT_NE(found, outcomes.end());
	EXPECT_EQ(found->result.verdict, Verdict::skip);
	EXPECT_EQ(found->result.message, "because of mod.loaded");
}

TEST(Checks, EveryFailHasAFix)
{
	for (const auto &fault : faults) {
		auto host = good_host();
		auto around = good_surroundings();
		fault.plant(host, around);
		for (const auto &[check, result] :
		     run_checks(choose_checks({}, {}), { host, around }))
			EXPECT_EQ(result.fix.empty(), result.verdict != Verdict::warn &&
							      result.verdict != Verdict::fail)
				<< check->id << ": " << result.message;
	}
}

TEST(Checks, OfAnotherKernelTheRunningOneSaysNothing)
{
	auto around = good_surroundings();
	around.other_kernel = true;
	auto host = good_host();
	host.egm_module.loaded = false;
	around.kvm.cacheable_pfnmap = false;
	EXPECT_EQ(trouble(host, around), Strings{});
}

TEST(Checks, AnotherKernelOnWhichGuestsHangIsToldByItsVersion)
{
	auto around = good_surroundings();
	around.other_kernel = true;
	around.release = std::string("6.12.9-arm64");
	EXPECT_EQ(trouble(good_host(), around), Strings{ "warn kvm.cacheable-pfnmap" });
}

TEST(Checks, AreChosenByIdAndGroup)
{
	EXPECT_EQ(choose_checks({ "fw" }, { "fw.size" }).size(), 2u);
	EXPECT_EQ(choose_checks({ "fw.size" }, {}).at(0)->id, "fw.size");
	EXPECT_EQ(choose_checks({}, {}).size(), all_checks().size());
	try {
		choose_checks({ "fw.sice" }, {});
		ADD_FAILURE();
	} catch (const Error &error) {
		EXPECT_EQ(error.exit(), Exit::usage);
		EXPECT_TRUE(error.hint().starts_with("the nearest is fw.size;"));
	}
}

TEST(Checks, NagiosGetsALineAndAStatus)
{
	auto host = good_host();
	auto around = good_surroundings();
	EXPECT_EQ(nagios_line(run_checks(choose_checks({ "fw" }, {}), { host, around }), false),
		  (std::pair<std::string, int>{
			  "EGM OK - 3 checks passed | pass=3 info=0 warn=0 fail=0 skip=0\n", 0 }));
	around.libvirt.apparmor = false;
	const auto warned = run_checks(choose_checks({}, {}), { host, around });
	EXPECT_EQ(nagios_line(warned, false).second, 1);
	EXPECT_EQ(nagios_line(warned, true).second, 2);
	refuse(host, "unaligned", 5);
	const auto [line, status] =
		nagios_line(run_checks(choose_checks({}, {}), { host, around }), false);
	EXPECT_EQ(status, 2);
	EXPECT_TRUE(line.starts_with("EGM CRITICAL - fw.region | pass=")) << line;
	EXPECT_EQ(nagios_line({}, false).second, 3);
}
