#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The memory of GPUs as VFIO regions, and GPUs whose memory is not offered: gpu_test.cpp, by each way in
# that the kernel has.

set -euo pipefail
. /egm/lib/egm.sh

load_modules
bind_all
gpu_test --gtest_filter='-NotReady.*:ReadyByCapability.*'
if [[ -c /dev/iommu ]]; then
	EGM_VFIO=iommufd gpu_test --gtest_filter='-NotReady.*:ReadyByCapability.*'
fi
unload_modules
