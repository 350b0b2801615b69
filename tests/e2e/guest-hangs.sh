#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kernels before 6.17: KVM maps this memory as Device memory, and a guest on it hangs without a word.
# Shown here is that we say so, and that the host and the next owner are none the worse for it.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/guest.sh
. /egm/lib/guest.sh

# KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
expect "KVM's capability 243" 0 "$(/egm/lib/device.py kvm-capability 243)"

load_modules
expect "warnings that guests hang" 1 "$(dmesg | grep -c 'nvgrace-egm.*guests hang')"
bind_all

# shellcheck disable=SC2034 # read by start_guest
guest_options=ignore_loglevel
start_guest
# Ten times what its first words take where guests work.
sleep 60
kill -0 "$guest_pid" || fail "QEMU ended by itself: $(cat "$guest_log")"
expect "what the guest said" "" "$(cat "$guest_log")"
kill -KILL "$guest_pid"
wait "$guest_pid" 2>/dev/null || true
echo "ok: QEMU can be killed"

for pxm in 4 5; do
	becomes_idle egm$pxm
	expect "bytes that are not zero for the next owner of egm$pxm" 0 \
		"$(/egm/lib/device.py nonzero "/dev/egm$pxm")"
done
expect "warnings that guests hang" 1 "$(dmesg | grep -c 'nvgrace-egm.*guests hang')"
unload_modules
