#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A GPU's memory is not to be touched before the GPU says that it can be: when the driver gets the GPU, and
# after each reset (gpu_test.cpp, NotReady.*).

set -euo pipefail
. /egm/lib/egm.sh

registers=$(gpu registers)
capability=$(gpu capability)
driver=/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci

# A GPU that the driver has, and no longer waits for, is a VFIO device.
is_bound() {
	[[ -d /sys/bus/pci/devices/$1/vfio-dev ]]
}

# bind_slowly ADDRESS: in the background, as `binding`; says to /run/binding what came of it.
bind_slowly() {
	bash -c 'echo "$1" >"$2/bind"' bind "$1" $driver 2>/run/binding &
	binding=$!
}

load_modules
reserve "$registers"

for value in 0 0xfe 0x1ff; do
	say_ready "$registers" $value
	bind_slowly "$registers"
	sleep 2
	kill -0 "$binding" || fail "$value: the driver has not waited: $(cat /run/binding)"
	! is_bound "$registers" || fail "$value: the GPU is in use already"
	say_ready "$registers"
	wait "$binding" || fail "$value: $(cat /run/binding)"
	is_bound "$registers" || fail "$value: the GPU is not bound"
	echo "ok: with $value in its registers the GPU is waited for"
	echo "$registers" >$driver/unbind
done

# One register is not enough.
read -r bar _ <"/sys/bus/pci/devices/$registers/resource"
for register in 0x1498 0x200bc; do
	say_ready "$registers"
	busybox devmem $((bar + register)) 32 0
	bind_slowly "$registers"
	sleep 2
	kill -0 "$binding" || fail "$register: the driver has not waited: $(cat /run/binding)"
	busybox devmem $((bar + register)) 32 0xff
	wait "$binding" || fail "$register: $(cat /run/binding)"
	echo "ok: $register is waited for"
	echo "$registers" >$driver/unbind
done

say_ready "$registers" 0
bind_slowly "$registers"
sleep 2
begin=$EPOCHREALTIME
kill -KILL "$binding"
{ wait "$binding" || true; } 2>/dev/null
echo "ok: who waits is dead after $(((${EPOCHREALTIME/./} - ${begin/./}) / 1000)) ms"
((${EPOCHREALTIME/./} - ${begin/./} < 10000000)) || fail "it took too long to kill"
! is_bound "$registers" || fail "the GPU is bound although nobody has seen it ready"

begin=$SECONDS
bind_slowly "$registers"
! wait "$binding" || fail "the GPU was bound although it never was ready"
waited=$((SECONDS - begin))
grep -q 'Timer expired' /run/binding || fail "$(cat /run/binding)"
((waited >= 29 && waited < 60)) || fail "the limit came after $waited s"
echo "ok: the limit came after $waited s"
dmesg --level=err | grep -F "$registers: GPU memory is not ready after 30 s" ||
	fail "the log does not say why"

# It is none the worse for it. The other one says all by itself: QEMU's is ready from the start.
bind "$registers"
begin=$SECONDS
bind "$capability"
((SECONDS - begin < 10)) || fail "a GPU that is ready was waited for"
echo "ok: a GPU that has the capability need not have the registers"

gpu_test --gtest_filter='NotReady.*:ReadyByCapability.*'
unload_modules
