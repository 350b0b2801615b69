#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mappings by blocks, in all that splits, moves, copies and removes them: huge_test.cpp, in both modes.

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

page=$(page_size)
block=$((page * page / 8))
# No larger than it must be
pxm=5
((64 << 20 > 8 * block)) || pxm=4
aux=nvgrace_gpu_vfio_pci.egm.$pxm

# check_mode MODE: all that can be seen in one map mode.
check_mode() {
	echo "== map=$1"
	load_modules "map=$1"
	bind_all
	huge_test '--gtest_filter=-*Holes.*'
	# Mappings, faults, moves and forks of blocks against removal
	race_removal 8 "$aux" "/dev/egm$pxm" $((2 * block))
	unload_modules

	echo "== map=$1, retired granules are mapped nowhere"
	load_modules "map=$1" map_retired=none
	bind_all
	huge_test '--gtest_filter=*Holes.*'
	unload_modules
}

check_mode fault
check_mode remap
