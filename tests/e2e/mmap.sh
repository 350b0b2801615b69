#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can be mapped and how, in both modes: mmap_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

for map in fault remap; do
	load_modules "map=$map"
	bind_all
	expect "map" "$map" "$(cat /sys/module/nvgrace_egm/parameters/map)"
	mmap_test
	unload_modules
done
