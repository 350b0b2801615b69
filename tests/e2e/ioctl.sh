#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ioctl(2), lseek(2), and what becomes of firmware's tables of retired pages: ioctl_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

load_modules

# A table that starts in hidden memory and ends in the kernel's. Only now it is known where that lies, so
# no property can say it: a stand-in for the GPUs' driver does.
hidden=$(host .hidden)
ram=0
while IFS='- ' read -r first _ _ what; do
	if [[ $what == "System RAM" ]] && ((0x$first > hidden)); then
		ram=$((0x$first))
		break
	fi
done </proc/iomem
((ram)) || fail "no System RAM above $hidden"
# Not the last word: devmem looks at more than it is told to.
table=$((ram - 0x100))
busybox devmem $table 64 4096
insmod "$EGM_MODULES/egm_parent.ko" pxm=40 base="$hidden" size=0x100000 retired_base=$table
expect "retired pages of a table that is partly System RAM" 0 "$(cat /sys/class/egm/egm40/retired_count)"
dmesg | grep 'egm40: .*count 4096, is refused: part of it is RAM of this host' ||
	fail "the log does not say what is wrong with the table at $table"
rmmod egm_parent

bind_all
ioctl_test
unload_modules
