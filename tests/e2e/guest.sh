#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job, and what tests/vm/demo shows: a KVM guest whose memory is the carve-outs of two sockets,
# with a GPU of one passed through.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/guest.sh
. /egm/lib/guest.sh

step() {
	printf '\n== %s\n' "$*"
}

show() {
	printf '$ %s\n' "$*"
	"$@"
}

state() {
	cat "/sys/class/egm/egm$1/state"
}

step "The host: $(nproc) CPUs, $(host '.sockets | length') sockets, $(host '.gpus | length') GPUs, Linux $(uname -r)"
load_modules
bind_all
show egmctl list
show egmctl info

step "A KVM guest on /dev/egm4 and /dev/egm5, with GPU $(gpu 0)"
start_guest -device "vfio-pci,host=$(gpu 0)"
await_guest 1500
for node in 0 1; do
	grep -q "^guest: node $node: .* written and read back" "$guest_log" || fail "nothing said of node $node"
done
grep -q '^guest: GPU .* written and read back' "$guest_log" || fail "the guest saw no GPU"

step "While it runs"
show egmctl list
expect "state of egm4" in-use "$(state 4)"
expect "state of egm5" in-use "$(state 5)"
expect "size through a query handle" "$(host '.sockets[0].size')" "$(/egm/lib/device.py size /dev/egm4)"

step "After it has ended"
stop_guest
for pxm in 4 5; do
	becomes_idle egm$pxm
	expect "bytes that are not zero for the next owner of egm$pxm" 0 \
		"$(/egm/lib/device.py nonzero "/dev/egm$pxm")"
done
unload_modules
