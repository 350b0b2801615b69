#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# links.sh KERNEL...: the modules target builds from a read-only tree, for all the kernels at once;
# the link of a source that was deleted goes away; what a plain make left is no source.
source "$(dirname "$0")/lib.sh"

! touch /src/writable 2>/dev/null || fail "/src is writable: nothing would be shown"
jobs=()
for number in $(seq $#); do
	build /src "${!number}" "/build/at-once-$number" "$without_btf" > /dev/null &
	jobs+=($!)
done
for number in $(seq $#); do
	wait "${jobs[number - 1]}" || fail "$(cat "/build/at-once-$number.log")"
	[[ $(modules "$(work_dir "${!number}" "/build/at-once-$number")" | wc -l) -eq 2 ]] ||
		fail "expected two modules for ${!number}"
done

kernel=$1
copy_tree /build/copy
work=$(work_dir "$kernel" /build/stale)
echo '#error planted' > /build/copy/kmod/compat/probe/stale.h
echo '#error planted' > /build/copy/kmod/nvgrace-egm/nvgrace-egm.mod.c
build /build/copy "$kernel" /build/stale "$without_btf"
[[ -L $work/kmod/compat/probe/stale.h ]] || fail "a new source has no link"
[[ $(</build/copy/kmod/nvgrace-egm/nvgrace-egm.mod.c) == '#error planted' ]] ||
	fail "the build writes into the source tree"
rm /build/copy/kmod/compat/probe/stale.h
build /build/copy "$kernel" /build/stale "$without_btf"
[[ ! -L $work/kmod/compat/probe/stale.h ]] || fail "the link of a deleted source is still there"

# Somewhere else there may be no kernel at all: that is said when modules are asked for.
cmake -S /src -B /build/none -G Ninja -DEGM_TOOL=OFF -DKERNEL_DIR=/nowhere
! cmake --build /build/none --target modules > /build/none.log 2>&1 || fail "built without a kernel"
grep -q '/nowhere is not the build tree' /build/none.log || fail "$(cat /build/none.log)"
