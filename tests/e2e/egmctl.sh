#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# egmctl on a host with both modules installed: what it says of a good host, of one with one thing broken
# after the other, and beside a guest, which starts from what it prints.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/guest.sh
. /egm/lib/guest.sh

egm4=/sys/class/egm/egm4
updates=/lib/modules/$(uname -r)/updates
events=/run/events

# failing: the ids of the checks that fail.
failing() {
	local answer
	answer=$(egmctl validate -J) || [[ $? == 1 ]] || fail "validate ended badly"
	jq -r '[.checks[] | select(.status == "fail").id] | unique | join(" ")' <<<"$answer"
}

# broken WHAT ID: with nothing else wrong, that check fails, and the exit status is 1.
broken() {
	local status=0
	expect "$1: fails" "$2${unsupported:+ $unsupported}" "$(failing)"
	egmctl validate --check "$2" || status=$?
	expect "$1: exit status" 1 "$status"
}

# mended: nothing fails but what this kernel cannot do.
mended() {
	expect "fails" "$unsupported" "$(failing)"
}

clears() {
	dmesg | grep -c 'nvgrace-egm egm4: cleared' || true
}

heard() {
	jq -se "any(.[]; $1)" $events >/dev/null
}

mkdir -p "$updates"
cp "$EGM_MODULES"/nvgrace-{egm,gpu-vfio-pci}.ko "$updates"
depmod -a
mark_log
modprobe -a vfio_iommu_type1 nvgrace-gpu-vfio-pci nvgrace-egm
bind_all

# KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
unsupported=
if [[ $(/egm/lib/device.py kvm-capability 243) == 0 ]]; then
	unsupported=kvm.cacheable-pfnmap
fi
egmctl validate || [[ $unsupported ]] || fail "validate finds fault with a good host"
mended

rm /dev/egm4
broken "no node" dev.present
# What it says to do helps.
hint=$(egmctl list egm4 2>&1 >/dev/null | sed -n 's/^hint: //p')
echo "its hint: $hint"
$hint
mended

mv /dev/egm4 /dev/away
echo "QEMU's RAM, without the driver" >/dev/egm4
broken "a regular file for a node" dev.present
mv /dev/away /dev/egm4
mended

mv /dev/kvm /dev/away
# Nobody can be asked whether KVM can map the memory.
unsupported='' broken "no KVM" kvm.present
mv /dev/away /dev/kvm
mended

rmmod nvgrace_egm
broken "a module that is not loaded" mod.loaded
modprobe nvgrace-egm
mended

# An upgrade that did not load what it installed
loaded=$(</sys/module/nvgrace_egm/srcversion)
sed -i "s/srcversion=$loaded/srcversion=0123456789ABCDEF0123456/" "$updates/nvgrace-egm.ko"
broken "another module installed" mod.current
cp "$EGM_MODULES/nvgrace-egm.ko" "$updates"
mended

if [[ -z $unsupported ]]; then
	egmctl watch -J >$events &
	watch=$!
	wait_for 60 heard '.event == "snapshot"'
	config=$(egmctl vm-config -q)
	echo "$config"
	before=$(clears)
	# shellcheck disable=SC2086 # options and their values
	run_guest $config -name "guest=first,debug-threads=on"
	looks=0
	until guest_has_ended_its_check || ((looks >= 2000)); do
		for command in list "info egm4" "retired-pages egm4" validate metrics "vm-config -q"; do
			# shellcheck disable=SC2086 # a command and its arguments
			egmctl $command >/dev/null 2>&1 || fail "egmctl $command ended with $?"
		done
		looks=$((looks + 1))
	done
	await_guest 1500
	echo "ok: it was looked at $looks times"
	for node in 0 1; do
		grep -q "^guest: node $node: .* written and read back" "$guest_log" ||
			fail "nothing said of node $node"
	done
	expect "GPUs that the guest has" 4 "$(grep -c '^guest: GPU .* written and read back' "$guest_log")"
	expect "who has it" "first($guest_pid)" "$(egmctl list -no USED-BY egm4)"
	expect "state" in-use "$(egmctl list -no STATE egm4)"
	expect "fails beside a guest" "" "$(failing)"
	egmctl metrics | grep -qx 'egm_state{device="egm4",state="in-use"} 1' || fail "metrics do not tell"
	stop_guest
	expect "clears since the guest began" 1 $(($(clears) - before))
	mended
	wait_for 60 heard '.event == "state" and .device == "egm5" and .state == "idle"'
	heard '.event == "state" and .device == "egm5" and .state == "in-use"' || fail "watch missed the guest"
	kill $watch
	wait $watch || true
fi

# Last, as such a page stays bad until the next boot.
if [[ $(<$egm4/poison) == supported ]]; then
	base=$(host '.sockets[0].base')
	egmctl watch egm4 --until poison --timeout 100 >$events &
	watch=$!
	wait_for 60 test -s $events
	expect "a page fails" "1 signal" "$(/egm/lib/device.py fail /dev/egm4 $((base + 0x800000)))"
	wait $watch || fail "watch ended with $?"
	cat $events
	egmctl retired-pages egm4
	broken "a page that has failed" ras.retired
	rmmod nvgrace_egm
	modprobe nvgrace-egm map_retired=all
	mended
else
	expect "failures are told" unsupported "$(<$egm4/poison)"
fi
unload_modules
