// SPDX-License-Identifier: GPL-2.0-or-later
// The running system's side, libudev and lstat() of a real-looking node, under umockdev.
#include "fake_root.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

namespace {

const std::string description = R"(P: /devices/pci0008:00/0008:01:00.0
E: SUBSYSTEM=pci
L: driver=../../../bus/pci/drivers/nvgrace_gpu_vfio_pci
A: egm/status=joined\n
A: egm/reason=none\n
A: egm/pxm=4\n
A: egm/size=0x6fc0000000\n
A: egm/base=0x80000000\n

P: /devices/virtual/egm/egm4
E: SUBSYSTEM=egm
E: DEVNAME=/dev/egm4
N: egm4
A: dev=240:4\n
A: egm_size=0x6fc0000000\n
A: gpu_devices=0008:01:00.0\n
A: pxm=4\n
A: numa_node=2\n
A: state=idle\n
A: retired_count=0\n
A: abi_version=1\n
)";

} // namespace

TEST(Live, TheRunningSystemIsReadThroughLibudev)
{
	FakeRoot scratch;
	scratch.write("/host.umockdev", description);
	const auto run = run_program({ UMOCKDEV_RUN, "--device", scratch.at("/host.umockdev"), "--",
				       EGMCTL, "list", "-o", "+MAJ:MIN" });
	EXPECT_EQ(run.status, 0);
	EXPECT_EQ(run.err, "");
	EXPECT_EQ(run.out, "DEVICE    SIZE PXM NODE STATE RETIRED GPUS         MAJ:MIN\n"
			   "/dev/egm4 447G   4    2 idle        0 0008:01:00.0 240:4\n");
}
