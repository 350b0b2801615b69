#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# DMA that outlives the owner. VFIO's type1 container maps the region by its physical address and keeps no
# reference to the file: an owner who unmaps and closes everything, but keeps the GPU open, could watch the
# next one through it. QEMU's `edu` is the GPU: it copies from where it is told.

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

size=$(host '.sockets[0].size')
edu=$(gpu 0)
other=$(gpu 1)
far=$(gpu 2)
plain=$(host '.devices[0].address')
iova=0x1000000

state() {
	cat /sys/class/egm/egm4/state
}

# becomes NAME STATE: soon; a container that has let go of a GPU tells nobody.
becomes() {
	wait_for 10 state_is egm4 "$2"
	expect "$1" "$2" "$(state)"
}

# own NAME: becomes the owner, and maps all.
own() {
	expect "$1: open" ok "$(tell "$1" open /dev/egm4 rw)"
	expect "$1: map" ok "$(tell "$1" map "$size")"
	expect "$1: bytes that are not zero" 0 "$(tell "$1" nonzero)"
}

# leave NAME: gives the region up, as far as the file tells.
leave() {
	expect "$1: unmap" ok "$(tell "$1" unmap)"
	expect "$1: close" ok "$(tell "$1" close)"
}

# let_in NAME GPU: the region becomes visible to the GPU.
let_in() {
	expect "$1: $2" 1234:11e8 "$(tell "$1" vfio "$2")"
	expect "$1: DMA map" ok "$(tell "$1" dma-map "$iova")"
	expect "$1: what $2 reads" 90 "$(tell "$1" dma-read "$2" "$iova")"
}

# Says what the state is, and again when poll() has told of a change.
sleeper='
import select

with open("/sys/class/egm/egm4/state", encoding="ascii") as state:
    print(state.read(), end="", flush=True)
    poller = select.poll()
    poller.register(state, select.POLLPRI)
    changed = poller.poll(60_000)
    state.seek(0)
    print(state.read().strip() if changed else "asleep")
'

# rebind_region: its driver goes and comes back, under whoever owns it.
rebind_region() {
	local way
	for way in unbind bind; do
		echo nvgrace_gpu_vfio_pci.egm.4 >/sys/bus/auxiliary/drivers/nvgrace_egm.egm/$way
	done
}

bus_master() {
	echo $(($(setpci -s "$1" COMMAND.w | sed 's/^/0x/') >> 2 & 1))
}

notices() {
	dmesg | grep -c "egm4: open() waits for GPU $1" || true
}

# noticed GPU: whoever opens has waited long enough to be told for which.
noticed() {
	(($(notices "$1") > 0))
}

load_modules
bind_all

# The owner of GPU memory goes, its GPU does not.
actor former
own former
expect "former: fill" ok "$(tell former fill 90)"
let_in former "$edu"
expect "state while owned" in-use "$(state)"
leave former
expect "state with a GPU still open" draining "$(state)"
expect "what the GPU reads: its own owner's bytes, nobody else has come" 90 "$(tell former dma-read "$edu" "$iova")"

# Who does not want to wait, and who gives up
expect "open with O_NONBLOCK, and who polls the state" "EAGAIN asleep" "$(/egm/lib/device.py knock egm4)"
actor next
expect "a query handle does not wait" ok "$(tell next open /dev/egm4 ro)"
expect "its size" "$size" "$(tell next size)"
expect "it closes" ok "$(tell next close)"
actor impatient
ask impatient open /dev/egm4 rw
! answers impatient 1 || fail "open() did not wait: $answer"
expect "a second one does not wait in line" EBUSY "$(tell next open /dev/egm4 rw)"
kill_actor impatient
expect "state after a waiting open was killed" draining "$(state)"

# Who waits
ask next open /dev/egm4 rw
wait_for 60 noticed "$edu"
! answers next 2 || fail "open() did not wait: $answer"
echo "ok: open() waits"
expect "state while open() waits" draining "$(state)"
expect "log lines that name the GPU" 1 "$(notices "$edu")"
expect "what the GPU reads meanwhile" 90 "$(tell former dma-read "$edu" "$iova")"

# Unloading keeps the memory of it; the parent, which holds it, is in use as the open waits.
kill_actor next
rmmod nvgrace_egm
insmod "$EGM_MODULES/nvgrace-egm.ko"
expect "state after a reload" draining "$(state)"
actor next
expect "open with O_NONBLOCK after a reload" EAGAIN "$(tell next open /dev/egm4 rw nonblock)"

# The GPU is closed, which ends all DMA, but the container has its group, and lets it in again.
ask next open /dev/egm4 rw
! answers next 1 || fail "open() did not wait: $answer"
expect "former: bus mastering" 1 "$(bus_master "$edu")"
expect "former: close the GPU" ok "$(tell former vfio-close "$edu")"
expect "bus mastering of the closed GPU" 0 "$(bus_master "$edu")"
! answers next 1 || fail "open() did not wait for the container: $answer"
expect "former: opens the GPU again" 1234:11e8 "$(tell former vfio "$edu")"
expect "what it reads: nobody else has come" 90 "$(tell former dma-read "$edu" "$iova")"
! answers next 1 || fail "open() did not wait for the GPU that was opened again: $answer"

# The GPU leaves the container, and the mapping goes with the last GPU.
expect "former: takes the GPU out" ok "$(tell former vfio-leave "$edu")"
answers next 60 || fail "open() still waits although the GPU is in no container"
expect "open" ok "$answer"
expect "state" in-use "$(state)"
expect "map" ok "$(tell next map "$size")"
expect "bytes that are not zero" 0 "$(tell next nonzero)"
expect "fill" ok "$(tell next fill 0x77)"
dismiss former
leave next
becomes "state after all of it" idle

# A GPU of a container that nobody has opened before the owner goes.
actor former
own former
expect "former: fill" ok "$(tell former fill 90)"
expect "former: puts a GPU into a container" ok "$(tell former vfio-join "$edu")"
expect "former: DMA map" ok "$(tell former dma-map "$iova")"
leave former
expect "state with a GPU that can be opened" draining "$(state)"
expect "former: opens it" 1234:11e8 "$(tell former vfio "$edu")"
expect "what it reads: nobody else has come" 90 "$(tell former dma-read "$edu" "$iova")"
expect "former: closes it" ok "$(tell former vfio-close "$edu")"
sleep 1
expect "state with a GPU that can be opened again" draining "$(state)"
dismiss former
becomes "state without a container" idle

# Two GPUs of a container take turns in leaving it, so that it always has the mapping; no need to open them.
actor former
own former
expect "former: fill" ok "$(tell former fill 90)"
let_in former "$edu"
leave former
for gpus in "$other $edu" "$edu $other" "$other $edu"; do
	expect "former: puts ${gpus% *} into the container" ok "$(tell former vfio-join "${gpus% *}")"
	expect "former: takes ${gpus#* } out" ok "$(tell former vfio-leave "${gpus#* }")"
	sleep 1
	expect "state with ${gpus% *} in the container" draining "$(state)"
done
expect "open with O_NONBLOCK" EAGAIN "$(tell next open /dev/egm4 rw nonblock)"
expect "former: opens the GPU again" 1234:11e8 "$(tell former vfio "$edu")"
expect "what it reads: nobody else has come" 90 "$(tell former dma-read "$edu" "$iova")"

# A GPU whose driver goes is in no container any more.
expect "former: closes it" ok "$(tell former vfio-close "$edu")"
unbind "$edu"
bind "$edu"
expect "state with $other in the container" draining "$(state)"
unbind "$other"
becomes "state without" idle
bind "$other"
dismiss former

# A GPU that others open later has nothing to do with the last owner.
actor former
own former
expect "former: fill" ok "$(tell former fill 90)"
let_in former "$edu"
leave former
expect "state" draining "$(state)"
dismiss former
becomes "state with the GPU closed" idle
actor user
expect "another user of the GPU" 1234:11e8 "$(tell user vfio "$edu")"
expect "state with the GPU open again" idle "$(state)"
expect "open with O_NONBLOCK" ok "$(tell next open /dev/egm4 rw nonblock)"
expect "close" ok "$(tell next close)"
expect "state: this user's GPU was open when that owner went" draining "$(state)"
dismiss user
becomes "state" idle

# Whoever opens a GPU while there is one to wait for may be in its container, and is waited for too.
actor former
own former
expect "former: first GPU" 1234:11e8 "$(tell former vfio "$edu")"
expect "former: second GPU" 1234:1111 "$(tell former vfio "$other")"
leave former
expect "former: takes the second out" ok "$(tell former vfio-leave "$other")"
actor user
expect "another user of the second" 1234:1111 "$(tell user vfio "$other")"
dismiss former
sleep 1
expect "state with another user of the second" draining "$(state)"
dismiss user
becomes "state" idle

# The driver is taken off the region under its owner, whose GPU stays.
for gpu in "$edu" "$far"; do
	actor former
	own former
	expect "former: the GPU" 1234:11e8 "$(tell former vfio "$gpu")"
	rebind_region
	actor sleeper python3 -c "$sleeper"
	answers sleeper 60 || fail "nobody reads the state"
	expect "state after a removal under an owner" draining "$answer"
	dismiss former
	answers sleeper 100 || fail "nobody was told of a change"
	expect "state that poll() tells of" idle "$answer"
	dismiss sleeper
	expect "state with the GPU closed" idle "$(state)"
done

# The owner's process has a GPU of another socket, which sees this socket's memory as its own do.
actor former
own former
expect "former: fill" ok "$(tell former fill 90)"
let_in former "$far"
actor stranger
expect "stranger: a GPU of this socket" 1234:1111 "$(tell stranger vfio "$other")"
dismiss stranger
leave former
expect "state with the other socket's GPU still open" draining "$(state)"
ask next open /dev/egm4 rw
wait_for 60 noticed "$far"
! answers next 2 || fail "open() did not wait for the other socket's GPU: $answer"
expect "log lines that name it" 1 "$(notices "$far")"
expect "what it reads meanwhile" 90 "$(tell former dma-read "$far" "$iova")"
kill_actor next

# Neither an unbound region nor one whose GPUs have all left forgets it.
rebind_region
expect "state after the region was bound again" draining "$(state)"
unbind "$edu"
unbind "$other"
[[ ! -e /sys/class/egm/egm4 ]] || fail "the region is still there without a GPU"
bind "$edu"
bind "$other"
expect "state after its GPUs came back" draining "$(state)"
actor next
ask next open /dev/egm4 rw
! answers next 1 || fail "open() did not wait for the other socket's GPU: $answer"
expect "former: takes it out" ok "$(tell former vfio-leave "$far")"
answers next 60 || fail "open() still waits although the other socket's GPU is in no container"
expect "open" ok "$answer"
expect "map" ok "$(tell next map "$size")"
expect "bytes that are not zero" 0 "$(tell next nonzero)"
leave next
dismiss former

# Another process' GPU of another socket does not count.
actor user
expect "another user of the other socket's GPU" 1234:11e8 "$(tell user vfio "$far")"
actor former
own former
leave former
expect "state with a stranger's GPU of another socket open" idle "$(state)"
dismiss former
dismiss user

# Documented: a function that is no GPU of the region cannot be seen.
modprobe vfio-pci
bind "$plain" vfio-pci
actor former
own former
expect "former: fill" ok "$(tell former fill 90)"
let_in former "$plain"
leave former
expect "state with another function still open" idle "$(state)"
own next
expect "next: fill" ok "$(tell next fill 0x77)"
expect "documented limit: what a function of vfio-pci reads of the next owner" 119 \
	"$(tell former dma-read "$plain" "$iova")"
dismiss former
dismiss next
expect "state" idle "$(state)"
unbind "$plain"
unload_modules
