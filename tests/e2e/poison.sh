#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Memory that fails while the host runs, and memory that firmware retired: poison_test.cpp, and what takes
# the modules away in between.

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

class=/sys/class/egm/egm4
auxiliary=/sys/bus/auxiliary
edu=$(host 'first(.gpus[] | select(.device == "edu")).address')
base=$(host '.sockets[] | select(.pxm == 4).base')
size=$(host '.sockets[] | select(.pxm == 4).size')
retired=$((0x1230000))
failed=$((0x800000))

# Which kernels tell drivers of memory without struct pages
if grep -q ' register_pfn_address_space$' /proc/kallsyms; then
	export EGM_KERNEL_TELLS=yes
	others=NotTold
else
	others=Told
fi

counts() {
	cat /sys/class/egm/egm[0-9]*/{poison_count,retired_count} | xargs
}

listed() {
	grep -q "^$(printf '0x%016x' "$1") " $class/retired_pages
}

# reload [parameters of nvgrace-egm]
reload() {
	rmmod nvgrace_egm
	insmod "$EGM_MODULES/nvgrace-egm.ko" "$@"
}

for value in "" none,all firmwares 1; do
	! insmod "$EGM_MODULES/nvgrace-egm.ko" "map_retired=$value" 2>/run/error ||
		fail "map_retired=$value is taken"
	grep -q 'Invalid parameters' /run/error || fail "map_retired=$value: $(cat /run/error)"
done
load_modules
bind_all
expect "map_retired" firmware "$(cat /sys/module/nvgrace_egm/parameters/map_retired)"
expect "base" "$(printf '%#x' "$base")" "$(cat $class/base)"
poison_test --gtest_filter="-$others.*:MapRetired.*:Overflow.*:*DuringAClear*:*AtOnce*"
poison_test --gtest_filter='MapRetired.*'

# What was found out outlives the driver that found it out, however that goes.
before=$(cat /sys/class/egm/egm*/retired_pages)
counts=$(counts)
((${counts%% *} > 0)) || fail "nothing has failed: $counts"
reload clear_threads=1
expect "counts after a reload" "$counts" "$(counts)"
device=$(basename "$(realpath $class/device)")
echo "$device" >$auxiliary/drivers/nvgrace_egm.egm/unbind
[[ ! -e $class ]] || fail "$device is still bound"
echo "$device" >$auxiliary/drivers/nvgrace_egm.egm/bind
expect "counts after $device was bound again" "$counts" "$(counts)"
unbind "$edu"
bind "$edu"
expect "counts after $edu was bound again" "$counts" "$(counts)"
for address in $(host '.gpus[].address'); do
	unbind "$address"
done
[[ ! -e $class ]] || fail "the region is still there without a GPU"
bind_all
expect "counts after all GPUs were bound again" "$counts" "$(counts)"
[[ $(cat /sys/class/egm/egm*/retired_pages) == "$before" ]] || fail "the lists are not what they were"
poison_test --gtest_filter='*DuringAClear*'
poison_test --gtest_filter="Overflow.*:*AtOnce*-$others.*"
counts=$(counts)
reload
expect "counts after a reload of a full list" "$counts" "$(counts)"
unload_modules

# A GPU of the region sees it by way of VFIO, unless it has a hole. `spared` failed under its owner.
load_modules
bind_all
expect "what has failed since their module was unloaded" 0 "$(cat $class/poison_count)"
actor firmware /egm/lib/memory_error.py
actor owner
expect "owner: open" ok "$(tell owner open /dev/egm4 rw)"
expect "owner: map" ok "$(tell owner map "$size")"
expect "owner: the GPU" 1234:11e8 "$(tell owner vfio "$edu")"
expect "owner: DMA map with what firmware retired" ok "$(tell owner dma-map 0x1000000)"
expect "owner: fill" ok "$(tell owner fill 0x5a)"
expect "firmware" ok "$(tell firmware recoverable $((base + failed)))"
wait_for 60 listed $failed
expect "owner: what failed" 90 "$(tell owner at $failed)"
dismiss owner

# open_and_map NAME: a new owner with the GPU.
open_and_map() {
	actor "$1"
	expect "$1: open" ok "$(tell "$1" open /dev/egm4 rw)"
	expect "$1: map" ok "$(tell "$1" map "$size")"
	expect "$1: the GPU" 1234:11e8 "$(tell "$1" vfio "$edu")"
}

open_and_map next
expect "next: what failed" SIGBUS "$(tell next at $failed)"
expect "next: behind it" 0 "$(tell next at $((failed + 0x10000)))"
expect "next: what firmware retired" 90 "$(tell next at $retired)"
expect "next: DMA map" EFAULT "$(tell next dma-map 0x1000000)"
dismiss next

# Nobody has cleared it.
rmmod nvgrace_egm
expect "bytes that failed" 0x5A5A5A5A5A5A5A5A "$(busybox devmem $((base + failed)) 64)"
expect "bytes behind them" 0x0000000000000000 "$(busybox devmem $((base + failed + 0x10000)) 64)"
insmod "$EGM_MODULES/nvgrace-egm.ko" map_retired=none
open_and_map none
expect "none: what failed" SIGBUS "$(tell none at $failed)"
expect "none: what firmware retired" SIGBUS "$(tell none at $retired)"
expect "none: DMA map" EFAULT "$(tell none dma-map 0x1000000)"
dismiss none
reload map_retired=all
open_and_map all
expect "all: what failed" 90 "$(tell all at $failed)"
expect "all: bytes that are not zero" $((3 * 0x10000)) "$(tell all nonzero)"
expect "all: DMA map" ok "$(tell all dma-map 0x1000000)"
dismiss all
dismiss firmware

for map in fault remap; do
	for value in firmware none all; do
		if [[ $map-$value != fault-firmware ]]; then
			reload "map=$map" "map_retired=$value"
			poison_test --gtest_filter='MapRetired.*'
		fi
	done
done
unload_modules
