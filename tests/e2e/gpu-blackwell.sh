#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# GPUs that a function of QEMU's has to be dressed up for: one without the MIG bug, all of whose memory is
# usable, and one that says by a register of CXL when its memory is ready, with a time limit of its own. Such
# ones, too, are refused memory that has another use.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh
# shellcheck source=lib/disguise.sh
. /egm/lib/disguise.sh

gpu=$(gpu 0)
base=$(host '.gpus[0].properties["nvidia,gpu-mem-base-pa"]')
size=$(host '.gpus[0].properties["nvidia,gpu-mem-size"]')
driver=/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci

# What the register of CXL says: whether it is valid, whether the memory is active, and the limit's code
idle=0
valid=1
ready=3
limit() {
	echo $(($1 << 13))
}

# timed COMMAND...: what it says, in $said, and how long it takes, in $took (milliseconds).
timed() {
	local start=${EPOCHREALTIME/./}
	# No subshell: it could not wait for our processes.
	"$@" >/run/said 2>&1 || true
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	said=$(</run/said)
}

# expect_within WHAT SAID FROM TO: of the last timed command; milliseconds.
expect_within() {
	expect "$1" "$2" "${said##*: }"
	((took >= $3 && took < $4)) || fail "$1: took $took ms, not $3 to $4"
	echo "ok: $1: after $took ms"
}

# by_itself ADDRESS: binds it, and says what the kernel says.
by_itself() {
	reserve "$1"
	echo "$1" >$driver/bind && echo bound
}

# after SECONDS VALUE: the GPU's register changes while somebody waits.
after() {
	{
		sleep "$1"
		disguise_says cxl "$2"
	} &
}

load_modules

# All of the memory is usable: region 4. Region 2 is the function's own BAR.
disguise "$gpu"
bind "$gpu"
actor user
expect "which GPU it is" 10de:2941 "$(tell user vfio "$gpu")"
expect "region 4" "0x10000000 0x0+$(printf %#x "$size")" "$(tell user vfio-region "$gpu" 4)"
expect "region 2" 0x1000 "$(tell user vfio-region "$gpu" 2)"
for register in 0x20 0x24; do
	expect "sizing of the register at $register" ok "$(tell user vfio-poke "$gpu" 7 $register 0xffffffff)"
done
expect "its lower half" 0xf000000c "$(tell user vfio-peek "$gpu" 7 0x20)"
expect "its upper half" 0xffffffff "$(tell user vfio-peek "$gpu" 7 0x24)"
expect "sizing of the function's own" ok "$(tell user vfio-poke "$gpu" 7 0x18 0xffffffff)"
expect "its size" 0xfffff000 "$(tell user vfio-peek "$gpu" 7 0x18)"

expect "write the first word" ok "$(tell user vfio-poke "$gpu" 4 0 0x600df00d)"
expect "write the last word" ok "$(tell user vfio-poke "$gpu" 4 $((size - 4)) 0x0ddba11)"
expect "first word of the memory" 0x600DF00D "$(busybox devmem "$base" 32)"
expect "last word of the memory" 0x00DDBA11 "$(busybox devmem $((base + size - 4)) 32)"
expect "write behind it" ok "$(tell user vfio-poke "$gpu" 4 "$size" 0)"
expect "read behind it" 0xffffffff "$(tell user vfio-peek "$gpu" 4 "$size")"
expect "map more than there is" EINVAL "$(tell user vfio-map "$gpu" 4 $((size + $(page_size))))"
expect "map all of it" ok "$(tell user vfio-map "$gpu" 4 "$size")"
expect "its last byte" 0 "$(tell user at $((size - 1)))"
expect "fill it" ok "$(tell user fill 90)"
expect "first word of the memory" 0x5A5A5A5A "$(busybox devmem "$base" 32)"
expect "last word of the memory" 0x5A5A5A5A "$(busybox devmem $((base + size - 4)) 32)"
dismiss user
unbind "$gpu"
undisguise "$gpu"

# What lies there looks like the window of a CXL device's memory, or like memory that is the GPU's alone.
for name in "inside firmware's reserved memory" "all of a device that has a driver"; do
	wrong=$(gpu "$name")
	disguise "$wrong" has_cxl=1
	bind "$wrong"
	actor user
	expect "which GPU it is" 10de:2941 "$(tell user vfio "$wrong")"
	expect "region 4 of a GPU whose memory is $name" 0x0 "$(tell user vfio-region "$wrong" 4)"
	# shellcheck disable=SC2016 # jq's variable
	words=$(host --arg gpu "$wrong" '.gpus[] | select(.address == $gpu) | .expect')
	dmesg --level=err | grep -F "$wrong: GPU memory refused" | grep -F "$words" ||
		fail "$name: not in the log: $(dmesg | grep -F "$wrong: ")"
	dismiss user
	unbind "$wrong"
	undisguise "$wrong"
done

# The capability counts, not that it is there: with the bug, the memory is too little.
disguise "$gpu" fixed=0
bind "$gpu"
actor user
expect "which GPU it is" 10de:2941 "$(tell user vfio "$gpu")"
expect "region 4 of a GPU with the bug" 0x0 "$(tell user vfio-region "$gpu" 4)"
dismiss user
unbind "$gpu"
undisguise "$gpu"

# Ready by CXL, whatever the registers in BAR 0 say
disguise "$gpu" has_cxl=1
say_ready "$gpu" 0
timed by_itself "$gpu"
expect_within "nothing valid" "Timer expired" 1000 3500
disguise_says cxl $((valid | $(limit 0)))
timed by_itself "$gpu"
expect_within "not active, code 0" "Timer expired" 1000 3500
disguise_says cxl $((valid | $(limit 1)))
timed by_itself "$gpu"
expect_within "not active, code 1" "Timer expired" 4000 8000
disguise_says cxl $((valid | $(limit 2)))
timed by_itself "$gpu"
expect_within "not active, code 2" "Timer expired" 16000 24000
disguise_says cxl $((0xffffffff))
timed by_itself "$gpu"
expect_within "no answer" "No such device" 0 5000
disguise_says cxl $idle
after 0.1 $ready
timed by_itself "$gpu"
expect_within "valid and active in time" bound 100 3500
unbind "$gpu"
disguise_says cxl $((valid | $(limit 2)))
after 6 $ready
timed by_itself "$gpu"
expect_within "late, within the limit" bound 6000 16000
unbind "$gpu"

# Who waits can be killed, also where the code says more than it can mean: 256 s.
disguise_says cxl $((valid | $(limit 7)))
reserve "$gpu"
bash -c "echo $gpu >$driver/bind" &
binding=$!
sleep 3
kill -0 $binding || fail "binding a GPU that is not ready did not wait"
kill -KILL $binding
timed wait $binding
((took < 2000)) || fail "binding a GPU that is not ready ended $took ms after it was killed"
[[ ! -e /sys/bus/pci/devices/$gpu/driver ]] || fail "$gpu is bound although nobody waited"

# A reset, first of all the one at open: the memory is not touched before the GPU is ready again.
disguise_says cxl $ready
disguise_says cxl_after_reset $((valid | $(limit 1)))
bind "$gpu"
resets=$(disguise_says resets)
actor user
expect "which GPU it is" 10de:2941 "$(tell user vfio "$gpu")"
(($(disguise_says resets) > resets)) || fail "opening the GPU did not reset it"
expect "map, with the GPU not ready" ok "$(tell user vfio-map "$gpu" 4 "$size")"
timed tell user vfio-peek "$gpu" 4 0
expect_within "read, never ready" EIO 4000 8000
timed tell user vfio-poke "$gpu" 4 0 0
expect_within "write, never ready" EIO 4000 8000
timed tell user at 0
expect_within "touch, never ready" SIGBUS 4000 8000
after 1 $ready
timed tell user vfio-peek "$gpu" 4 0
expect_within "read, ready late" 0x5a5a5a5a 1000 4000
expect "touch, ready" 90 "$(tell user at 0)"

resets=$(disguise_says resets)
expect "reset" ok "$(tell user vfio-reset "$gpu")"
(($(disguise_says resets) > resets)) || fail "it was not reset"
after 1 $ready
timed tell user at 0
expect_within "touch, ready late after a reset" 90 1000 4000

# Who waits at the gate can be killed, too.
disguise_says cxl_after_reset $((valid | $(limit 4)))
expect "reset" ok "$(tell user vfio-reset "$gpu")"
ask user vfio-peek "$gpu" 4 0
! answers user 5 || fail "a read did not wait: $answer"
timed kill_actor user
((took < 2000)) || fail "a read ended $took ms after it was killed"

# The next one may come as soon as the GPU is ready.
disguise_says cxl_after_reset $ready
actor user
expect "which GPU it is" 10de:2941 "$(tell user vfio "$gpu")"
expect "read" 0x5a5a5a5a "$(tell user vfio-peek "$gpu" 4 0)"
dismiss user
unbind "$gpu"
undisguise "$gpu"
unload_modules
