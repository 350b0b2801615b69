#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Random calls, by two processes at a time (programs/fuzz.cpp): first by themselves, then while the region is
# taken away and brought back. The debug kernel counts which places of the modules they get to (KCOV).
# fuzz.sh [OPERATIONS [SEED]]

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

operations=${1:-20000}
seed=${2:-1}
driver=/sys/bus/auxiliary/drivers/nvgrace_egm.egm
device=nvgrace_gpu_vfio_pci.egm.4

# start OPERATIONS: two processes, one of which has a GPU, too.
start() {
	pids=()
	fuzz "$seed" "$1" registers >/run/fuzz.gpu &
	pids+=($!)
	fuzz $((seed + 1)) "$1" >/run/fuzz.region &
	pids+=($!)
	seed=$((seed + 2))
}

running() {
	kill -0 "${pids[0]}" 2>/dev/null || kill -0 "${pids[1]}" 2>/dev/null
}

# finish: all went well for both.
finish() {
	local pid
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "fuzz ended with $?"
	done
	becomes_idle egm4
	tail -n 1 /run/fuzz.gpu /run/fuzz.region
	if [[ $EGM_KERNEL == debug-64k ]]; then
		grep -q '^[1-9][0-9]* places' /run/fuzz.gpu || fail "no call got to any place of the modules"
	fi
}

load_modules
bind "$(gpu registers)"
echo "seed $seed, $operations operations"
start $((operations / 4))
finish

rounds=0
start $((operations / 4))
while running; do
	if ((rounds % 8 == 7)); then
		rmmod nvgrace_egm 2>/dev/null && insmod "$EGM_MODULES/nvgrace-egm.ko"
	elif echo $device >$driver/unbind; then
		echo $device >$driver/bind
	fi
	rounds=$((rounds + 1))
	sleep 0.1
done
finish
echo "ok: the region was taken away $rounds times"
expect "bytes that are not zero" 0 "$(/egm/lib/device.py nonzero /dev/egm4)"
unbind "$(gpu registers)"
unload_modules
