// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_root.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

using namespace egm;

namespace {

using Strings = std::vector<std::string>;

Strings device_names(const Host &host)
{
	Strings names;
	for (const auto &device : host.devices)
		names.push_back(device.name);
	return names;
}

Strings skipped(const Host &host)
{
	Strings messages;
	for (const auto &entry : host.skipped)
		messages.push_back(entry.message);
	return messages;
}

} // namespace

TEST(Host, ATreeWithoutEgmIsEmpty)
{
	FakeRoot root;
	const auto host = root.host();
	EXPECT_TRUE(host.devices.empty());
	EXPECT_TRUE(host.gpus.empty());
	EXPECT_TRUE(host.skipped.empty());
	EXPECT_FALSE(host.egm_module.loaded);
	EXPECT_FALSE(host.gpu_module.loaded);
}

TEST(Host, OurDriverTellsEverything)
{
	FakeRoot root;
	root.device(4, { "0008:01:00.0", "0009:01:00.0" });
	root.gpu("0008:01:00.0", "joined", "none", 4).gpu("0009:01:00.0", "joined", "none", 4);
	const auto host = root.host();
	ASSERT_EQ(device_names(host), Strings{ "egm4" });
	const auto &device = host.devices[0];
	EXPECT_EQ(*device.size_bytes, 0x6fc0000000u);
	EXPECT_EQ(*device.pxm, 4u);
	EXPECT_EQ(*device.numa_node, 2u);
	EXPECT_EQ(*device.state, "idle");
	EXPECT_EQ(*device.retired_count, 0u);
	EXPECT_EQ(*device.abi_version, 1u);
	EXPECT_EQ(*device.number, (DeviceNumber{ 240, 4 }));
	EXPECT_EQ(*device.node, Node::ok);
	EXPECT_EQ(device.gpus, (Strings{ "0008:01:00.0", "0009:01:00.0" }));
	ASSERT_EQ(host.gpus.size(), 2u);
	const auto &gpu = host.gpus[1];
	EXPECT_EQ(gpu.address, "0009:01:00.0");
	EXPECT_EQ(*gpu.driver, "nvgrace_gpu_vfio_pci");
	EXPECT_EQ(*gpu.status, "joined");
	EXPECT_EQ(*gpu.reason, "none");
	EXPECT_EQ(*gpu.pxm, 4u);
	EXPECT_EQ(*gpu.size_bytes, 0x6fc0000000u);
	EXPECT_EQ(*gpu.base, 0x80000000u);
	EXPECT_EQ(*gpu.device, "egm4");
	EXPECT_TRUE(host.egm_module.loaded);
	EXPECT_TRUE(host.gpu_module.loaded);
}

TEST(Host, NvidiasDriverTellsSizeAndGpus)
{
	FakeRoot root;
	root.nvidia_device(4, { "0008:01:00.0" }).plain_gpu("0008:01:00.0", "nvgrace_gpu_vfio_pci");
	const auto host = root.host();
	ASSERT_EQ(device_names(host), Strings{ "egm4" });
	const auto &device = host.devices[0];
	EXPECT_EQ(*device.size_bytes, 0x6fc0000000u);
	EXPECT_EQ(device.gpus, Strings{ "0008:01:00.0" });
	EXPECT_EQ(device.pxm.unknown().why, Why::not_exported);
	EXPECT_EQ(device.numa_node.unknown().why, Why::not_exported);
	EXPECT_EQ(device.state.unknown().why, Why::not_exported);
	EXPECT_EQ(device.retired_count.unknown().why, Why::not_exported);
	EXPECT_EQ(device.abi_version.unknown().why, Why::not_exported);
	ASSERT_EQ(host.gpus.size(), 1u);
	EXPECT_EQ(host.gpus[0].status.unknown().why, Why::not_exported);
}

TEST(Host, TheDialectIsToldByWhatThereIs)
{
	FakeRoot root;
	root.device(4, {}).nvidia_device(5, {}).series_device(6, { "0028:01:00.0" });
	root.series_device(7, {});
	const auto host = root.host();
	EXPECT_EQ(*host.devices.at(0).dialect, Dialect::own);
	EXPECT_EQ(*host.devices.at(1).dialect, Dialect::nvidia);
	EXPECT_EQ(*host.devices.at(2).dialect, Dialect::series);
	EXPECT_FALSE(host.devices.at(3).dialect);
}

TEST(Host, TheSocketIsThatOfTheCpusNearestToTheGpus)
{
	FakeRoot root;
	root.device(5, { "0018:01:00.0" }).gpu("0018:01:00.0", "joined", "none", 5);
	root.write("/sys/devices/pci/0018:01:00.0/numa_node", "1\n");
	EXPECT_FALSE(root.host().devices.at(0).socket);
	root.write("/sys/devices/system/node/node1/cpulist", "72-143\n");
	root.write("/sys/devices/system/cpu/cpu72/topology/physical_package_id", "1\n");
	EXPECT_EQ(*root.host().devices.at(0).socket, 1u);
	root.write("/sys/devices/system/node/node1/cpulist", "\n");
	EXPECT_EQ(root.host().devices.at(0).socket.unknown().why, Why::not_set);
}

TEST(Host, TheMachineIsThatOfTheTree)
{
	FakeRoot root;
	EXPECT_FALSE(root.host().machine.kernel);
	root.write("/proc/sys/kernel/osrelease", "7.3.4+deb13-arm64\n");
	root.write("/proc/sys/kernel/arch", "aarch64\n");
	const auto machine = root.host().machine;
	EXPECT_EQ(*machine.kernel, "7.3.4+deb13-arm64");
	EXPECT_EQ(*machine.arch, "aarch64");
	EXPECT_FALSE(machine.page_size);
	EXPECT_FALSE(machine.privileged);
}

TEST(Host, TheSeriesNamesGpusByLinks)
{
	FakeRoot root;
	root.series_device(4, { "0008:01:00.0", "0009:01:00.0" });
	const auto host = root.host();
	ASSERT_EQ(device_names(host), Strings{ "egm4" });
	EXPECT_EQ(host.devices[0].gpus, (Strings{ "0008:01:00.0", "0009:01:00.0" }));
	EXPECT_EQ(host.devices[0].listed_gpus.unknown().why, Why::not_exported);
	EXPECT_EQ(host.gpus.size(), 2u);
}

TEST(Host, DevicesAreInTheOrderOfTheirNumbers)
{
	FakeRoot root;
	root.device(10, {}).device(4, {}).device(5, {});
	EXPECT_EQ(device_names(root.host()), (Strings{ "egm4", "egm5", "egm10" }));
}

TEST(Host, SixtyFourDevicesAreFound)
{
	FakeRoot root;
	for (unsigned int pxm = 0; pxm < 64; pxm++)
		root.device(pxm, {});
	EXPECT_EQ(root.host().devices.size(), 64u);
}

TEST(Host, ARefusedGpuIsFoundWithoutAnyDevice)
{
	FakeRoot root;
	root.gpu("0008:01:00.0", "refused", "system-ram", 4);
	const auto host = root.host();
	EXPECT_TRUE(host.devices.empty());
	ASSERT_EQ(host.gpus.size(), 1u);
	EXPECT_EQ(*host.gpus[0].reason, "system-ram");
	EXPECT_FALSE(host.gpus[0].device);
}

TEST(Host, AGpuThatIsOnlyBoundIsFoundThroughItsDriver)
{
	FakeRoot root;
	root.plain_gpu("0008:01:00.0", "nvgrace_gpu_vfio_pci").plain_gpu("0000:00:01.0", "e1000e");
	const auto host = root.host();
	ASSERT_EQ(host.gpus.size(), 1u);
	EXPECT_EQ(host.gpus[0].address, "0008:01:00.0");
}

TEST(Host, AnEntryWithAnotherNameIsSkippedAloud)
{
	FakeRoot root;
	root.device(4, {}).directory("/sys/class/egm/egm04").directory("/sys/class/egm/e\033vil");
	const auto host = root.host();
	EXPECT_EQ(device_names(host), Strings{ "egm4" });
	EXPECT_EQ(skipped(host),
		  (Strings{ root.at("/sys/class/egm/e\\x1bvil: not the name of an EGM device"),
			    root.at("/sys/class/egm/egm04: not the name of an EGM device") }));
}

TEST(Host, AnEntryThatLeadsNowhereIsSkippedAloud)
{
	FakeRoot root;
	root.link("/sys/class/egm/egm4", "../../gone").link("/sys/class/egm/egm5", "egm5");
	root.link("/sys/class/egm/egm6", "/etc").write("/sys/class/egm/egm7", "");
	const auto host = root.host();
	EXPECT_TRUE(host.devices.empty());
	EXPECT_EQ(skipped(host),
		  (Strings{ root.at("/sys/class/egm/egm4: missing"),
			    root.at("/sys/class/egm/egm5: Too many levels of symbolic links"),
			    root.at("/sys/class/egm/egm6: missing"),
			    root.at("/sys/class/egm/egm7: Not a directory") }));
}

TEST(Host, APciEntryThatIsNoneIsSkippedAloud)
{
	FakeRoot root;
	root.directory("/sys/bus/pci/devices/card")
		.link("/sys/bus/pci/devices/0008:01:00.0", "0008:01:00.0");
	EXPECT_EQ(skipped(root.host()),
		  (Strings{ root.at("/sys/bus/pci/devices/0008:01:00.0/egm: "
				    "Too many levels of symbolic links"),
			    root.at("/sys/bus/pci/devices/card: not a PCI address") }));
}

TEST(Host, OneBadAttributeCostsOneValue)
{
	FakeRoot root;
	root.device(4, {}).write("/sys/class/egm/egm4/pxm", "four\n");
	const auto device = root.host().devices.at(0);
	EXPECT_EQ(device.pxm.unknown().detail,
		  root.at("/sys/class/egm/egm4/pxm: unexpected value \"four\""));
	EXPECT_EQ(*device.size_bytes, 0x6fc0000000u);
}

TEST(Host, TheSizeMayNotBeMissing)
{
	FakeRoot root;
	root.device(4, {}).remove("/sys/class/egm/egm4/egm_size");
	EXPECT_EQ(root.host().devices.at(0).size_bytes.unknown().detail,
		  root.at("/sys/class/egm/egm4/egm_size: missing"));
}

TEST(Host, AnEgmDirectoryMayNotLackItsStatus)
{
	FakeRoot root;
	root.gpu("0008:01:00.0", "joined", "none", 4);
	root.remove("/sys/bus/pci/devices/0008:01:00.0/egm/status");
	EXPECT_EQ(root.host().gpus.at(0).status.unknown().detail,
		  root.at("/sys/bus/pci/devices/0008:01:00.0/egm/status: missing"));
}

TEST(Host, TheBaseIsForRoot)
{
	FakeRoot root;
	root.gpu("0008:01:00.0", "joined", "none", 4);
	ASSERT_EQ(chmod(root.at("/sys/bus/pci/devices/0008:01:00.0/egm/base").c_str(), 0), 0);
	const Unprivileged nobody;
	const auto gpu = root.host().gpus.at(0);
	EXPECT_EQ(gpu.base.unknown().why, Why::permission);
	EXPECT_EQ(*gpu.size_bytes, 0x6fc0000000u);
}

TEST(Host, NodesAreNotJudgedInATreeWithoutDev)
{
	FakeRoot root;
	root.device(4, {}).no_node("/dev/egm4");
	EXPECT_EQ(*root.host().devices.at(0).node, Node::missing);
	root.remove("/dev");
	EXPECT_EQ(root.host().devices.at(0).node.unknown().why, Why::not_exported);
}

TEST(Host, ARegularFileAtTheNodesPathIsNoticed)
{
	FakeRoot root;
	root.device(4, {}).no_node("/dev/egm4").write("/dev/egm4", "guest memory");
	EXPECT_EQ(*root.host().devices.at(0).node, Node::regular_file);
	EXPECT_TRUE(root.host().stray_files.empty());
}

TEST(Host, ARegularFileWithoutADeviceIsStray)
{
	FakeRoot root;
	root.write("/dev/egm5", "guest memory").write("/dev/egm", "").node("/dev/egm6", 240, 6);
	EXPECT_EQ(root.host().stray_files, Strings{ "egm5" });
}
