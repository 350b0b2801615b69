// SPDX-License-Identifier: GPL-2.0-or-later
#include "error.hpp"
#include "fake_root.hpp"
#include "vm_config.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace egm;

namespace {

using Strings = std::vector<std::string>;

class VmConfigTest : public testing::Test {
protected:
	void SetUp() override
	{
		root.device(4, { "0008:01:00.0", "0009:01:00.0" }).device(5, { "0018:01:00.0" });
		qemu.objects = std::set<std::string>{};
	}
	FakeRoot root;
	Qemu qemu;
};

std::string joined(const Strings &arguments)
{
	std::string text;
	for (const auto &argument : arguments)
		text += argument + "\n";
	return text;
}

} // namespace

TEST_F(VmConfigTest, MemoryIsANodeForEachDeviceAndTheirSumIsTheRam)
{
	EXPECT_EQ(qemu_memory(plan_vm(root.host(), qemu, { {}, false, 5 })),
		  (Strings{ "-m", "915456M", "-object",
			    "memory-backend-file,id=egm4,mem-path=/dev/egm4,size=457728M,share=on,"
			    "prealloc=off,align=536870912",
			    "-numa", "node,nodeid=0,memdev=egm4,cpus=0-2", "-object",
			    "memory-backend-file,id=egm5,mem-path=/dev/egm5,size=457728M,share=on,"
			    "prealloc=off,align=536870912",
			    "-numa", "node,nodeid=1,memdev=egm5,cpus=3-4" }));
}

TEST_F(VmConfigTest, ASizeOfNoWholeMibIsInBytes)
{
	root.write("/sys/class/egm/egm5/egm_size", "0x10000\n");
	EXPECT_NE(joined(qemu_memory(plan_vm(root.host(), qemu, {}))).find("size=65536B,"),
		  std::string::npos);
}

TEST_F(VmConfigTest, WithoutALargestMappingThereIsNoAlignment)
{
	FakeRoot shipped;
	shipped.nvidia_device(4, {});
	EXPECT_EQ(qemu_memory(plan_vm(shipped.host(), qemu, {})).at(3),
		  "memory-backend-file,id=egm4,mem-path=/dev/egm4,size=457728M,share=on,"
		  "prealloc=off");
}

TEST_F(VmConfigTest, WhatAQemuCannotDoIsLeftOut)
{
	const auto text = joined(qemu_gpus(plan_vm(root.host(), qemu, {})));
	EXPECT_EQ(text.find("acpi-"), std::string::npos);
	EXPECT_NE(text.find("vfio-pci,host=0018:01:00.0,id=ua-gpu2,bus=ua-gpu2-port,rombar=0"),
		  std::string::npos);
}

TEST_F(VmConfigTest, AGpuHasNodesOfItsOwnAndTheNodeOfItsSocket)
{
	qemu.objects = std::set<std::string>{ "acpi-generic-initiator", "acpi-egm-memory" };
	const auto plan = plan_vm(root.host(), qemu, {});
	ASSERT_EQ(plan.gpus.size(), 3u);
	EXPECT_EQ(plan.gpus[0].own_nodes, (std::vector<std::size_t>{ 2, 3, 4, 5, 6, 7, 8, 9 }));
	EXPECT_EQ(plan.gpus[2].node, 1u);
	EXPECT_EQ(plan.gpus[2].own_nodes.front(), 18u);
	const auto text = joined(qemu_gpus(plan));
	EXPECT_NE(text.find("acpi-egm-memory,id=ua-gpu2-egm,pci-dev=ua-gpu2,node=1\n"),
		  std::string::npos);
	EXPECT_NE(text.find("acpi-generic-initiator,id=ua-gpu0-node7,pci-dev=ua-gpu0,node=9\n"),
		  std::string::npos);
}

TEST_F(VmConfigTest, APartialSetOfGpusMustBeMeant)
{
	VmRequest request{ { "0008:01:00.0", "0018:01:00.0" }, false, 0 };
	try {
		plan_vm(root.host(), qemu, request);
		ADD_FAILURE();
	} catch (const Error &error) {
		EXPECT_EQ(error.code(), "partial_gpus");
		EXPECT_EQ(error.exit(), Exit::usage);
	}
	request.partial = true;
	EXPECT_EQ(plan_vm(root.host(), qemu, request).gpus.size(), 2u);
}

TEST_F(VmConfigTest, GpusThatAreNotKnownAreNotLeftOut)
{
	auto host = root.host();
	host.devices[0].linked_gpus = Unknown{ Why::failed, "links: Input/output error" };
	try {
		plan_vm(host, qemu, {});
		ADD_FAILURE();
	} catch (const Error &error) {
		EXPECT_EQ(error.code(), "unreadable");
	}
}

TEST_F(VmConfigTest, WhatCannotBePlannedIsAnError)
{
	const auto exit_of = [&](const VmRequest &request) {
		try {
			plan_vm(root.host(), qemu, request);
		} catch (const Error &error) {
			return error.exit();
		}
		return Exit::done;
	};
	EXPECT_EQ(exit_of({ { "0028:01:00.0" }, true, 0 }), Exit::no_such_device);
	EXPECT_EQ(exit_of({ { "gpu" }, true, 0 }), Exit::no_such_device);
	EXPECT_EQ(exit_of({ {}, false, 1 }), Exit::usage);
	root.write("/sys/class/egm/egm4/egm_size", "much\n");
	EXPECT_EQ(exit_of({}), Exit::internal);
}

TEST_F(VmConfigTest, LibvirtWithoutEgmTakesOneDevice)
{
	const auto plan = plan_vm(root.host(), qemu, {});
	EXPECT_THROW(libvirt_qemu(plan, true, true), Error);
	root.remove("/sys/class/egm/egm5");
	qemu.objects = std::set<std::string>{ "acpi-generic-initiator", "acpi-egm-memory" };
	const auto one =
		libvirt_qemu(plan_vm(root.host(), qemu, { {}, false, 0, false }), true, true);
	EXPECT_NE(one.find("'memory-backend=egm4'"), std::string::npos);
	EXPECT_EQ(one.find("node"), std::string::npos) << one;
	EXPECT_NE(libvirt_qemu(plan, false, true).find("<alias name='ua-gpu2'/>"),
		  std::string::npos);
	EXPECT_NE(libvirt_native(plan, true, true).find("<pciDev>ua-gpu2</pciDev>"),
		  std::string::npos);
}

TEST_F(VmConfigTest, TheHostIsSetUpForItsDevices)
{
	const auto text = setup_text(host_setup(root.host(), { "0019:01:00.0" }));
	EXPECT_NE(text.find("\"/dev/kvm\", \"/dev/userfaultfd\", \"/dev/egm4\", \"/dev/egm5\" ]"),
		  std::string::npos);
	for (const auto *gpu : { "0018:01:00.0", "0019:01:00.0" })
		EXPECT_NE(text.find(fmt::format("driverctl set-override {} nvgrace_gpu_vfio_pci\n",
						gpu)),
			  std::string::npos);
}

TEST_F(VmConfigTest, AHostWithoutGpusHasNothingToBindOrToWaitFor)
{
	const auto text = setup_text(host_setup({}, {}));
	EXPECT_EQ(text.find("driverctl"), std::string::npos);
	EXPECT_EQ(text.find("Wants="), std::string::npos);
}
