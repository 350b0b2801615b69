#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which parents nvgrace-egm takes memory from: those that speak its contract, whatever their name is; not
# those of its name that do not. The parent is a stand-in (tests/kmod/egm_parent.c).

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

base=$(host '.sockets[0].base')
size=$(host '.sockets[0].size')
bus=/sys/bus/auxiliary

# parent [parameters]: a stand-in with the good socket's memory.
parent() {
	insmod "$EGM_MODULES/egm_parent.ko" base="$base" size="$size" "$@"
}

# refuses ERRNO WORDS PARAMETER...: such a parent gets no region, and the log says why.
refuses() {
	local errno=$1 words=$2 before driver
	shift 2
	before=$(dmesg | wc -l)
	parent "$@"
	for driver in "$bus"/devices/*.egm.4/driver; do
		[[ ! -e $driver ]] || fail "$*: bound"
	done
	expect "$*: regions" "" "$(ls /sys/class/egm)"
	[[ ! -e /dev/egm4 ]] || fail "$*: there is a node"
	expect "$*: claims" "" "$(grep egm /proc/iomem || true)"
	dmesg | tail -n "+$((before + 1))" | grep -F "$words" || fail "$*: no line in the log has '$words'"
	dmesg | tail -n "+$((before + 1))" | grep -q "probe .*failed with error -$errno\$" ||
		fail "$*: the probe did not end with -$errno: $(dmesg | tail -n 3)"
	rmmod egm_parent
	echo "ok: $*: refused"
}

mark_log
insmod "$EGM_MODULES/nvgrace-egm.ko"

refuses 22 'speaks another contract (magic 0x1234)' magic=0x1234
refuses 22 'speaks another contract (magic 0x0)' magic=0
refuses 22 'speaks another contract (magic 0x1234)' magic=0x1234 modname=nvidia_vgpu_vfio
refuses 22 'speaks version 1 ' version=1
refuses 22 'speaks version 2 ' version=2
refuses 22 'speaks version 3 ' version=3
refuses 22 'speaks version 5 ' version=5
refuses 22 'speaks version 0 ' version=0
refuses 22 '(8 bytes) of the contract' struct_size=8
# Whatever the parent thinks of it, it has an owner already: the host.
ram=0x$(sed -n 's/-.* : System RAM$//p' /proc/iomem | head -n 1)
refuses 16 "cannot claim [$ram-" base="$ram"

for name in nvgrace_gpu_vfio_pci nvidia_vgpu_vfio; do
	parent modname="$name"
	expect "$name: driver" nvgrace_egm.egm "$(basename "$(realpath "$bus/devices/$name.egm.4/driver")")"
	expect "$name: state" idle "$(cat /sys/class/egm/egm4/state)"
	expect "$name: GPUs" "" "$(cat /sys/class/egm/egm4/gpu_devices)"
	actor owner
	expect "$name: open" ok "$(tell owner open /dev/egm4 rw)"
	expect "$name: map" ok "$(tell owner map "$size")"
	expect "$name: fill" ok "$(tell owner fill 0x5a)"
	! rmmod egm_parent 2>/run/error || fail "$name: removed under an owner"
	grep -q 'in use' /run/error || fail "$name: $(cat /run/error)"
	dismiss owner
	rmmod egm_parent
	expect "$name: regions without the parent" "" "$(ls /sys/class/egm)"
	echo "ok: $name: good"
done

# Another name is none of ours.
parent modname=somebody_else
expect "somebody_else: regions" "" "$(ls /sys/class/egm)"
rmmod egm_parent
rmmod nvgrace_egm
