#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may open the device, for how long they have it, and what they find in it: open_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

# What the firmware, or a host that ran before, has left: in the first and the last granule that is not
# retired, and in the middle.
base=$(host '.sockets[0].base')
size=$(host '.sockets[0].size')
for offset in 0x10000 $((size / 2)) $((size - 0x10000 - 8)); do
	busybox devmem $((base + offset)) 64 0x600df00d600df00d
	expect "left at $offset" 0x600DF00D600DF00D "$(busybox devmem $((base + offset)) 64)"
done

load_modules
bind_all
if busybox devmem $((base + size / 2)) 64; then
	fail "the memory can be read through /dev/mem"
fi
open_test
unload_modules
