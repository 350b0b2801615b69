#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What users of a region, of its attributes and of a GPU do (programs/fuzz.cpp), against all that can happen
# to it in the meantime: drivers that go and come back, modules that are replaced, memory that fails, users who
# are killed. A round is one such event. races.sh [ROUNDS [SEED]]

set -euo pipefail
. /egm/lib/egm.sh

rounds=${1:-200}
seed=${2:-1}
class=/sys/class/egm/egm4
driver=/sys/bus/auxiliary/drivers/nvgrace_egm.egm
device=nvgrace_gpu_vfio_pci.egm.4
first=$(gpu first)
second=$(gpu second)
base=$(host '.sockets[0].base')
granules=$(($(host '.sockets[0].size') / 65536))
declare -A happened
failed=0
users=()
trap 'kill -KILL "${users[@]}" 2>/dev/null || true' EXIT

# More calls than there is time for, made while an event waits for something.
start_users() {
	nice -n 10 fuzz "$seed" 1000000000 first &
	users=($!)
	nice -n 10 fuzz $((seed + 1)) 1000000000 &
	users+=($!)
	seed=$((seed + 2))
	# shellcheck disable=SC2016 # that shell's variables
	nice -n 10 bash -c 'while :; do for file in "$0"/*; do read -r _ <"$file"; done; done' "$class" 2>/dev/null &
	users+=($!)
}

# Whoever ended before has found something.
kill_users() {
	local pid status
	kill -KILL "${users[@]}" || fail "a user is gone"
	for pid in "${users[@]}"; do
		status=0
		wait "$pid" 2>/dev/null || status=$?
		((status == 128 + 9)) || fail "a user ended with $status"
	done
	users=()
}

replace_driver() {
	echo "$device" >"$driver/unbind"
	echo "$device" >"$driver/bind"
}

# The module goes with the last file of those who have just died. A child of theirs lives a little longer.
remove_module() {
	wait_for 60 rmmod nvgrace_egm 2>/dev/null
}

replace_module() {
	kill_users
	remove_module
	insmod "$EGM_MODULES/nvgrace-egm.ko"
	start_users
}

# Nobody opens the second GPU: the region stays with the first.
replace_gpu() {
	unbind "$second"
	bind "$second"
}

# The region goes with its last GPU. Who has that open is asked to let go, and may take its time.
replace_region() {
	unbind "$second"
	unbind "$first"
	bind "$first"
	bind "$second"
}

replace_all() {
	kill_users
	unbind "$first"
	unbind "$second"
	remove_module
	rmmod nvgrace_gpu_vfio_pci
	load_modules
	bind "$first"
	bind "$second"
	start_users
}

# Of a page that has failed the kernel wants to hear only once.
fail_memory() {
	local address=$((base + RANDOM % granules * 65536))
	if echo $address 2>/dev/null >/sys/devices/system/memory/hard_offline_page; then
		failed=$((failed + 1))
	fi
}

# By how often they are to happen: the last three take long.
events=(replace_driver replace_driver replace_driver replace_driver replace_driver replace_driver
	replace_driver replace_driver fail_memory fail_memory replace_gpu replace_gpu
	replace_region replace_module replace_all)

load_modules
bind "$first"
bind "$second"
echo "seed $seed, $rounds rounds"
RANDOM=$seed
start_users
for ((round = 0; round < rounds; round++)); do
	event=${events[RANDOM % ${#events[@]}]}
	$event
	happened[$event]=$((${happened[$event]:-0} + 1))
	((round % 100 < 99)) || echo "$((round + 1)) rounds"
done
kill_users
for event in "${!happened[@]}"; do
	echo "ok: $event ${happened[$event]} times"
done
((failed > 0)) || fail "no memory has failed"
becomes_idle egm4
expect "bytes that are not zero" 0 "$(/egm/lib/device.py nonzero /dev/egm4)"
unbind "$first"
unbind "$second"
unload_modules
