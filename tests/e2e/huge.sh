#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mappings by blocks, in all that splits, moves, copies and removes them: huge_test.cpp, in both modes.

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

drivers=/sys/bus/auxiliary/drivers/nvgrace_egm.egm
page=$(page_size)
block=$((page * page / 8))
# No larger than it must be
pxm=5
((64 << 20 > 8 * block)) || pxm=4
aux=nvgrace_gpu_vfio_pci.egm.$pxm

# check_mode MODE: all that can be seen in one map mode.
check_mode() {
	local round mappings children readable all_mappings=0 all_children=0

	echo "== map=$1"
	load_modules "map=$1"
	bind_all
	huge_test '--gtest_filter=-*Holes.*'
	# Mappings, faults, moves and forks of blocks against removal
	for ((round = 0; round < 8; round++)); do
		actor racer mmap_race "/dev/egm$pxm" $((2 * block))
		answers racer 60 || fail "the racer does not start"
		expect "racer" ready "$answer"
		sleep "0.0$((RANDOM % 90 + 10))"
		echo "$aux" >"$drivers/unbind"
		read -r mappings children readable <<<"$(tell racer gone)"
		[[ $readable == 0 ]] || fail "round $round: $mappings $children $readable"
		all_mappings=$((all_mappings + mappings))
		all_children=$((all_children + children))
		dismiss racer
		echo "$aux" >"$drivers/bind"
	done
	((all_children > 0)) || fail "no child was forked in any round"
	echo "ok: removal won all rounds against $all_mappings mappings and $all_children children"
	unload_modules

	echo "== map=$1, retired granules are mapped nowhere"
	load_modules "map=$1" map_retired=none
	bind_all
	huge_test '--gtest_filter=*Holes.*'
	unload_modules
}

check_mode fault
check_mode remap
