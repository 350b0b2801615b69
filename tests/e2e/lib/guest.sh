# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A KVM guest inside the host under test, stock QEMU:
#
#	node 0  -- memory-backend-file -- /dev/egm4
#	node 1  -- memory-backend-file -- /dev/egm5	(with two sockets)
#	GPU     -- vfio-pci ------------- bound to our driver
#
# or whose memory is QEMU's own.
#
# Its init is tests/vm/guest-init; it says "guest: ok" or "guest: failed: why" on its console.

guest_log=/run/guest.log
qemu=(qemu-system-aarch64)

# run_guest [more QEMU options]: with guest_options on its kernel's command line, as "${qemu[@]}". Sets guest_pid.
run_guest() {
	mkfifo /run/guest.in
	exec {guest_in}<>/run/guest.in
	"${qemu[@]}" -nodefaults -display none -no-reboot \
		-M virt,accel=kvm,gic-version=3 -cpu host -smp 2 "$@" \
		-kernel /egm/guest/vmlinuz -initrd /egm/guest/initrd \
		-append "console=ttyAMA0 panic=-1 egm.wait ${guest_options-quiet}" -serial stdio \
		<&"$guest_in" >"$guest_log" 2>&1 &
	guest_pid=$!
	trap 'kill -KILL $guest_pid 2>/dev/null || true' EXIT
}

# start_guest [more QEMU options]: with all sockets' carve-outs as its memory.
# shellcheck disable=SC2120 # all of them are optional
start_guest() {
	local memory
	memory=$(egmctl vm-config -q --part memory)
	# shellcheck disable=SC2086 # options and their values
	run_guest $memory "$@"
}

guest_has_ended_its_check() {
	grep -q '^guest: \(ok\|failed\)' "$guest_log" || ! kill -0 "$guest_pid" 2>/dev/null
}

# await_guest SECONDS: until it has checked its memory; shows what it said.
await_guest() {
	local deadline=$((SECONDS + $1))
	until guest_has_ended_its_check || ((SECONDS >= deadline)); do
		sleep 0.5
	done
	grep '^guest:' "$guest_log" | tr -d '\r' | sed 's/^/    /' || true
	grep -q '^guest: ok' "$guest_log" || {
		tail -n 20 "$guest_log"
		fail "the guest did not say that its memory is good"
	}
}

# stop_guest: it powers off, as it does by itself when told to go on.
stop_guest() {
	echo >&"$guest_in"
	wait "$guest_pid" || fail "the guest's QEMU ended with $?"
	trap - EXIT
	rm /run/guest.in
}
