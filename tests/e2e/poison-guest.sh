#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A KVM guest on memory that fails under it, and on memory with holes. Firmware, which is QEMU around this
# host, reports the error: ACPI GHES, the kernel's memory-failure code, our module and the guest's QEMU
# hear of it one after the other.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/guest.sh
. /egm/lib/guest.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

class=/sys/class/egm/egm4
base=$(host '.sockets[0].base')
# Not where QEMU itself puts something for the guest
failed=$((0xc000000))

listed() {
	grep -qx "$(printf '0x%016x 0x%016x runtime ' "$1" 0x10000)" $class/retired_pages
}

# What the kernel says when it sends the signal
told() {
	dmesg | grep -q "Sending SIGBUS to qemu-system-[^ ]*:$guest_pid due to hardware memory corruption"
}

stopped_or_ended() {
	grep -q 'kvm run failed' "$guest_log" || ! kill -0 "$guest_pid" 2>/dev/null
}

load_modules
bind_all
actor firmware /egm/lib/memory_error.py

start_guest
await_guest 1500
expect "firmware reports an error" ok "$(tell firmware recoverable $((base + failed)))"
wait_for 60 listed $failed
wait_for 60 told
expect "granules that failed" 1 "$(cat $class/poison_count)"
expect "state" in-use "$(cat $class/state)"
kill -0 "$guest_pid" || fail "the guest's QEMU has ended: $(cat "$guest_log")"
# It reads a line, and powers off by itself.
stop_guest
echo "ok: the guest still answers"
! grep -i 'hardware memory error' "$guest_log" || fail "the guest's QEMU gave up"
becomes_idle egm4

# A guest that is given holes stops when it touches one, at a place where all guests do.
rmmod nvgrace_egm
insmod "$EGM_MODULES/nvgrace-egm.ko" map_retired=none
start_guest
wait_for 300 stopped_or_ended
grep -q 'kvm run failed Bad address' "$guest_log" || fail "the guest did not stop as it should: $(cat "$guest_log")"
kill -0 "$guest_pid" || fail "the guest's QEMU has ended: $(cat "$guest_log")"
! grep '^guest:' "$guest_log" || fail "the guest went on"
kill -KILL "$guest_pid"
wait "$guest_pid" 2>/dev/null || true
echo "ok: the guest has stopped at a hole"
becomes_idle egm4
expect "granules that failed" 1 "$(cat $class/poison_count)"
dismiss firmware
unload_modules
