#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A GPU's own memory in a KVM guest, by two BARs that only we know of:
#
#	guest	BAR 4, 1 GiB		BAR 2, 2 GiB			RAM
#	host	usable part, 512 MiB	reserved part, 1 GiB + 64 MiB	/dev/egm4
#
# The guest's part is check_gpu_memory in tests/vm/guest-init. Before 6.17, KVM maps what is no RAM of the
# host's as device memory, where nobody said that it need not be: a guest on /dev/egm4 hangs (guest-hangs.sh),
# so the one here has RAM of QEMU's, and it stops where it takes the usable part for normal memory.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/guest.sh
. /egm/lib/guest.sh

used=$(gpu 0)
base=$(host '.gpus[0].properties["nvidia,gpu-mem-base-pa"]')
size=$(host '.gpus[0].properties["nvidia,gpu-mem-size"]')
usable=$((512 << 20))
declare -A first=([4]=$base [2]=$((base + usable)))
declare -A bytes=([4]=$usable [2]=$((size - usable)))
declare -A bar=([4]=0x40000000 [2]=0x80000000)

# The GPU's memory as the host has it, with no driver between.
memory() {
	busybox devmem "$1" 32 "${@:2}"
}

said() {
	grep -q "^guest: $1" "$guest_log" || fail "the guest did not say: $1"
	echo "ok: the guest: $1"
}

load_modules
bind_all
for number in 2 4; do
	memory "${first[$number]}" "0xC0FFEE0$number"
	memory $((first[$number] + 4)) 0
	memory $((first[$number] + bytes[$number] - 4)) 0
done

# shellcheck disable=SC2034 # read by run_guest
guest_options="quiet egm.bar=2:${bytes[2]} egm.bar=4:${bytes[4]}"
# KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
cacheable=$(/egm/lib/device.py kvm-capability 243)
if ((cacheable)); then
	start_guest -device "vfio-pci,host=$used"
	await_guest 1500
	said "BAR 4 as normal memory: ok"
else
	run_guest -m 384M -device "vfio-pci,host=$used"
	wait_for 1500 grep -q 'kvm run failed Bad address' "$guest_log"
	! grep '^guest: BAR 4 as normal memory' "$guest_log" || fail "the guest went on"
	echo "ok: the guest has stopped"
fi
said "BAR 2 as normal memory: ok"
for number in 2 4; do
	said "BAR $number: ${bar[$number]} bytes"
	# So that an "ok" is worth something
	said "BAR $number as device memory: SIGBUS"
done

unbind "$used" &
unbinding=$!
sleep 5
kill -0 $unbinding || fail "unbinding $used did not wait for the guest"
if ((cacheable)); then
	stop_guest
else
	kill -KILL "$guest_pid"
	wait "$guest_pid" 2>/dev/null || true
fi
wait $unbinding || fail "unbinding $used failed"
echo "ok: unbinding $used waited for the guest"

for number in 2 4; do
	expect "BAR $number, first word" "0xC0FFEE0$number" "$(memory "${first[$number]}")"
	expect "BAR $number, last word" "0x5EED000$number" \
		"$(memory $((first[$number] + bytes[$number] - 4)))"
	expect "BAR $number, after decoding was switched on again" "0xDEC0DED$number" \
		"$(memory $((first[$number] + 4)))"
done
unload_modules
