#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All the ways to the memory that are not a mapping of its owner's: sidedoors_test.cpp, in both modes.

set -euo pipefail
. /egm/lib/egm.sh

modprobe loop
for map in fault remap; do
	load_modules "map=$map"
	bind_all
	EGM_MAP=$map sidedoors_test
	unload_modules
done
