#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A GPU that a guest uses is unbound: that waits until the guest lets go, and the socket's region stays
# with its other GPU.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/guest.sh
. /egm/lib/guest.sh

state() {
	cat /sys/class/egm/egm4/state
}

load_modules
bind_all
used=$(gpu 0)
other=$(gpu 1)
start_guest -device "vfio-pci,host=$used"
await_guest 1500

unbind "$used" &
unbinding=$!
sleep 5
kill -0 "$unbinding" || fail "unbinding $used did not wait for the guest"
echo "ok: unbinding $used waits for the guest"
expect "state" in-use "$(state)"

stop_guest
wait "$unbinding" || fail "unbinding $used failed"
[[ ! -e /sys/bus/pci/devices/$used/driver ]] || fail "$used is still bound"
expect "the region's GPUs" "$other" "$(cat /sys/class/egm/egm4/gpu_devices)"
expect "bytes that are not zero for the next owner" 0 "$(/egm/lib/device.py nonzero /dev/egm4)"

bind "$used"
expect "$used" joined "$(cat "/sys/bus/pci/devices/$used/egm/status")"
unload_modules
