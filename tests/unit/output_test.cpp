// SPDX-License-Identifier: GPL-2.0-or-later
// What people and programs see, word for word.
#include "diagnose.hpp"
#include "fake_root.hpp"
#include "json.hpp"
#include "render.hpp"

#include <gtest/gtest.h>

using namespace egm;

namespace {

// One good socket; one whose node is a file and whose second GPU was refused.
class OutputTest : public testing::Test {
protected:
	void SetUp() override
	{
		root.device(4, { "0008:01:00.0", "0009:01:00.0" }).device(5, { "0018:01:00.0" });
		root.write("/sys/class/egm/egm4/state", "in-use\n");
		root.write("/sys/class/egm/egm4/retired_count", "2\n");
		root.write("/sys/class/egm/egm5/numa_node", "-1\n");
		root.no_node("/dev/egm5").write("/dev/egm5", "");
		root.gpu("0008:01:00.0", "joined", "none", 4);
		root.gpu("0009:01:00.0", "joined", "none", 4);
		root.gpu("0018:01:00.0", "joined", "none", 5);
		root.gpu("0019:01:00.0", "refused", "disagrees", 5);
		host = root.host();
		findings = diagnose(host);
	}
	FakeRoot root;
	Host host;
	std::vector<Finding> findings;
};

} // namespace

TEST_F(OutputTest, TheListIsATable)
{
	EXPECT_EQ(list_table(host, Sizes::human),
		  "DEVICE    SIZE PXM NODE STATE  RETIRED GPUS\n"
		  "/dev/egm4 447G   4    2 in-use       2 0008:01:00.0,0009:01:00.0\n"
		  "/dev/egm5 447G   5    - idle         0 0018:01:00.0\n");
}

TEST_F(OutputTest, TheListInBytesHasBytes)
{
	EXPECT_EQ(list_table(host, Sizes::bytes),
		  "DEVICE            SIZE PXM NODE STATE  RETIRED GPUS\n"
		  "/dev/egm4 479962595328   4    2 in-use       2 0008:01:00.0,0009:01:00.0\n"
		  "/dev/egm5 479962595328   5    - idle         0 0018:01:00.0\n");
}

TEST_F(OutputTest, WhatADriverDoesNotTellIsADash)
{
	FakeRoot shipped;
	shipped.nvidia_device(4, {});
	EXPECT_EQ(list_table(shipped.host(), Sizes::human),
		  "DEVICE    SIZE PXM NODE STATE RETIRED GPUS\n"
		  "/dev/egm4 447G   -    - -           - -\n");
}

TEST_F(OutputTest, NoDevicesAreNoTable)
{
	EXPECT_EQ(list_table(Host{}, Sizes::human), "");
	EXPECT_EQ(info_text(Host{}, {}, Sizes::human), "");
	EXPECT_EQ(retired_pages_table({}, Sizes::human), "");
	EXPECT_EQ(retired_pages_table({ { "egm4", {} } }, Sizes::human), "");
}

TEST_F(OutputTest, InfoHasABlockForEachDeviceAndGpu)
{
	host.gpus.erase(host.gpus.begin(), host.gpus.begin() + 3);
	EXPECT_EQ(
		info_text(host, findings, Sizes::human),
		"Device egm4\n"
		"  Node:           /dev/egm4 (character device 240:4)\n"
		"  Size:           447 GiB (479962595328 bytes)\n"
		"  PXM:            4\n"
		"  NUMA node:      2\n"
		"  State:          in-use\n"
		"  Retired pages:  2\n"
		"  ABI version:    1\n"
		"  GPUs:           0008:01:00.0 0009:01:00.0\n"
		"\n"
		"Device egm5\n"
		"  Node:           /dev/egm5 (a regular file, not the device)\n"
		"  Size:           447 GiB (479962595328 bytes)\n"
		"  PXM:            5\n"
		"  NUMA node:      - (not known to the kernel)\n"
		"  State:          idle\n"
		"  Retired pages:  0\n"
		"  ABI version:    1\n"
		"  GPUs:           0018:01:00.0\n"
		"  Problem:        /dev/egm5 is a regular file, not the device; QEMU creates one "
		"when the node is missing\n"
		"  Hint:           stop what uses it, rm /dev/egm5, then mknod -m 0600 /dev/egm5 c "
		"240 5\n"
		"\n"
		"GPU 0019:01:00.0\n"
		"  Driver:         nvgrace_gpu_vfio_pci\n"
		"  EGM device:     -\n"
		"  EGM status:     refused\n"
		"  Region PXM:     5\n"
		"  Region size:    447 GiB (479962595328 bytes)\n"
		"  Region base:    0x80000000\n"
		"  Problem:        EGM region refused (disagrees): another GPU of the same socket "
		"was given a different base or size\n"
		"  Hint:           update the firmware; `journalctl -k -g egm` shows the values "
		"that "
		"were found\n");
}

TEST_F(OutputTest, InfoSaysWhyAValueIsNotKnown)
{
	FakeRoot shipped;
	shipped.nvidia_device(4, {}).remove("/dev").write("/sys/class/egm/egm4/pxm", "");
	const auto shipped_host = shipped.host();
	EXPECT_EQ(info_text(shipped_host, {}, Sizes::bytes),
		  "Device egm4\n"
		  "  Node:           /dev/egm4 (not checked)\n"
		  "  Size:           479962595328\n"
		  "  PXM:            - (" +
			  shipped.at("/sys/class/egm/egm4/pxm: empty") +
			  ")\n"
			  "  NUMA node:      - (not exported by this driver)\n"
			  "  State:          - (not exported by this driver)\n"
			  "  Retired pages:  - (not exported by this driver)\n"
			  "  ABI version:    - (not exported by this driver)\n"
			  "  GPUs:           -\n");
}

TEST_F(OutputTest, RetiredPagesAreATable)
{
	const std::vector<RetiredPages> devices = {
		{ "egm4", { { 0x1f400000, 0x10000, "firmware" }, { 0, 0x20000, "runtime" } } },
		{ "egm5", {} },
	};
	EXPECT_EQ(retired_pages_table(devices, Sizes::human),
		  "DEVICE        OFFSET SIZE ORIGIN\n"
		  "/dev/egm4 0x1f400000  64K firmware\n"
		  "/dev/egm4        0x0 128K runtime\n");
	EXPECT_EQ(retired_pages_table(devices, Sizes::bytes),
		  "DEVICE        OFFSET   SIZE ORIGIN\n"
		  "/dev/egm4 0x1f400000  65536 firmware\n"
		  "/dev/egm4        0x0 131072 runtime\n");
}

TEST_F(OutputTest, JsonOfAHostIsFixed)
{
	FakeRoot small;
	small.device(4, { "0008:01:00.0" }).gpu("0008:01:00.0", "joined", "none", 4);
	small.gpu("0018:01:00.0", "refused", "pxm", 5);
	const auto small_host = small.host();
	EXPECT_EQ(host_json("list", small_host, diagnose(small_host)), R"({
  "schema": "egmctl.list",
  "schema_version": 1,
  "egmctl_version": ")" EGM_VERSION R"(",
  "devices": [
    {
      "name": "egm4",
      "path": "/dev/egm4",
      "node": "ok",
      "major": 240,
      "minor": 4,
      "size_bytes": 479962595328,
      "pxm": 4,
      "numa_node": 2,
      "state": "idle",
      "retired_count": 0,
      "abi_version": 1,
      "gpus": [
        "0008:01:00.0"
      ]
    }
  ],
  "gpus": [
    {
      "pci_address": "0008:01:00.0",
      "driver": "nvgrace_gpu_vfio_pci",
      "device": "egm4",
      "status": "joined",
      "reason": "none",
      "meaning": "the GPU has joined the EGM region of its socket",
      "advice": null,
      "pxm": 4,
      "size_bytes": 479962595328,
      "base": "0x80000000"
    },
    {
      "pci_address": "0018:01:00.0",
      "driver": "nvgrace_gpu_vfio_pci",
      "device": null,
      "status": "refused",
      "reason": "pxm",
      "meaning": "firmware's proximity domain for the region is larger than the kernel can handle",
      "advice": "update the firmware; `journalctl -k -g egm` shows the values that were found",
      "pxm": 5,
      "size_bytes": 479962595328,
      "base": "0x80000000"
    }
  ],
  "warnings": [
    {
      "severity": "warning",
      "code": "region_refused",
      "subject": "0018:01:00.0",
      "message": "0018:01:00.0: EGM region refused (pxm): firmware's proximity domain for the region is larger than the kernel can handle",
      "hint": "update the firmware; `journalctl -k -g egm` shows the values that were found"
    }
  ]
}
)");
}

TEST_F(OutputTest, JsonOfUnknownValuesIsNullAndOfListsAnArray)
{
	FakeRoot shipped;
	shipped.nvidia_device(4, {}).remove("/dev").remove("/sys/class/egm/egm4/dev");
	shipped.write("/sys/class/egm/egm4/egm_size", "-\n");
	EXPECT_EQ(host_json("info", shipped.host(), {}), R"({
  "schema": "egmctl.info",
  "schema_version": 1,
  "egmctl_version": ")" EGM_VERSION R"(",
  "devices": [
    {
      "name": "egm4",
      "path": "/dev/egm4",
      "node": null,
      "major": null,
      "minor": null,
      "size_bytes": null,
      "pxm": null,
      "numa_node": null,
      "state": null,
      "retired_count": null,
      "abi_version": null,
      "gpus": []
    }
  ],
  "gpus": [],
  "warnings": []
}
)");
}

TEST_F(OutputTest, JsonOfEveryNodeHasItsWord)
{
	const auto word = [](Node node) {
		Host one;
		one.devices.emplace_back().node = node;
		const auto text = host_json("list", one, {});
		const auto start = text.find("\"node\": ") + 8;
		return text.substr(start, text.find(',', start) - start);
	};
	EXPECT_EQ(word(Node::ok), "\"ok\"");
	EXPECT_EQ(word(Node::missing), "\"missing\"");
	EXPECT_EQ(word(Node::regular_file), "\"regular-file\"");
	EXPECT_EQ(word(Node::not_a_device), "\"not-a-device\"");
	EXPECT_EQ(word(Node::other_device), "\"other-device\"");
}

TEST_F(OutputTest, JsonOfRetiredPagesIsFixed)
{
	EXPECT_EQ(retired_pages_json(
			  { { "egm4", { { 0x1f400000, 0x10000, "firmware" } } }, { "egm5", {} } },
			  {}),
		  R"({
  "schema": "egmctl.retired-pages",
  "schema_version": 1,
  "egmctl_version": ")" EGM_VERSION R"(",
  "devices": [
    {
      "name": "egm4",
      "path": "/dev/egm4",
      "retired_pages": [
        {
          "offset_bytes": 524288000,
          "size_bytes": 65536,
          "origin": "firmware"
        }
      ]
    },
    {
      "name": "egm5",
      "path": "/dev/egm5",
      "retired_pages": []
    }
  ],
  "warnings": []
}
)");
}

TEST_F(OutputTest, JsonOfAnErrorIsFixedAndSurvivesAnyText)
{
	EXPECT_EQ(error_json(Error(Exit::no_such_device, "device_not_found", "\xff: none")),
		  R"({
  "schema": "egmctl.error",
  "schema_version": 1,
  "egmctl_version": ")" EGM_VERSION R"(",
  "error": {
    "code": "device_not_found",
    "exit": 3,
    "message": ")"
		  "\xef\xbf\xbd"
		  R"(: none",
    "hint": null
  }
}
)");
}
