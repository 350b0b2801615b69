#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What user space sees of the regions of two sockets: nodes, attributes, links, the claim, the uevent, the
# log, and that egmctl says the same.

set -euo pipefail
. /egm/lib/egm.sh

class=/sys/class/egm
pci=/sys/bus/pci/devices
bus=/sys/bus/auxiliary
off=$(gpu off)

# attribute FILE VALUE [MODE]: its only line, and who may read it.
attribute() {
	expect "$1" "$2" "$(cat "$1")"
	expect "mode of $1" "${3:-444}" "$(stat -c %a "$1")"
}

# check_node PXM: /dev/egmX is the device that sysfs names.
check_node() {
	local node=/dev/egm$1
	expect "$node" "character special file 600 0:0" "$(stat -c '%F %a %u:%g' "$node")"
	expect "number of $node" "$(cat "$class/egm$1/dev")" "$(stat -c '%Hr:%Lr' "$node")"
	expect "$node by its number" "egm$1" "$(basename "$(readlink -f "/sys/dev/char/$(stat -c '%Hr:%Lr' "$node")")")"
}

# check_gpus PXM ADDRESS...: lines and links, no more and no less.
check_gpus() {
	local device=$class/egm$1 address
	shift
	expect "$device/gpu_devices" "$(printf '%s\n' "$@")" "$(cat "$device/gpu_devices")"
	expect "links of $device" "$(printf '%s\n' "$@" | sort)" \
		"$(find "$device/" -maxdepth 1 -type l -name '*:*:*.*' -printf '%f\n' | sort)"
	for address in "$@"; do
		expect "link $device/$address" "$(realpath "$pci/$address")" "$(realpath "$device/$address")"
	done
}

# check_gpu ADDRESS STATUS REASON PXM SIZE BASE
check_gpu() {
	local directory=$pci/$1/egm
	attribute "$directory/status" "$2"
	attribute "$directory/reason" "$3"
	attribute "$directory/pxm" "$4"
	attribute "$directory/size" "$5"
	attribute "$directory/base" "$6" 400
	expect "entries of $directory" 5 "$(find "$directory" -type f | wc -l)"
}

# check_socket N NUMA_NODE RETIRED GPU...: everything of the Nth socket of the description.
check_socket() {
	local socket=.sockets[$1] pxm size base device aux address
	pxm=$(host "$socket.pxm")
	size=$(printf %#x "$(host "$socket.size")")
	base=$(printf %#x "$(host "$socket.base")")
	device=$class/egm$pxm
	aux=nvgrace_gpu_vfio_pci.egm.$pxm

	check_node "$pxm"
	attribute "$device/egm_size" "$size"
	attribute "$device/pxm" "$pxm"
	attribute "$device/numa_node" "$2"
	attribute "$device/state" idle
	attribute "$device/abi_version" 1
	attribute "$device/retired_count" "$3"
	expect "mode of $device/retired_pages" 444 "$(stat -c %a "$device/retired_pages")"
	attribute "$device/gpu_devices" "$(cat "$device/gpu_devices")"
	check_gpus "$pxm" "${@:4}"
	for address in "${@:4}"; do
		check_gpu "$address" joined none "$pxm" "$size" "$base"
	done

	expect "parent of egm$pxm" "/sys/devices/nvgrace_gpu_vfio_pci/$aux" \
		"$(realpath "$device/device")"
	expect "driver of $aux" nvgrace_egm.egm "$(basename "$(realpath "$bus/devices/$aux/driver")")"
	expect "claims named egm$pxm in /proc/iomem" \
		"$(printf '%08x-%08x' "$base" $((base + size - 1)))" \
		"$(awk -v name="egm$pxm" '$3 == name {print $1}' /proc/iomem)"
}

# node_of PXM: the kernel's number of a proximity domain, as its log has it.
node_of() {
	dmesg | sed -n "s/.*ACPI: SRAT: Node \([0-9]*\) PXM $1 .*/\1/p"
}

# dev_mem ADDRESS: whether /dev/mem lets root look there.
dev_mem() {
	busybox devmem "$1" 64 >/dev/null 2>&1
}

# The first socket's region goes and comes.
unbind_region() {
	echo nvgrace_gpu_vfio_pci.egm.4 >"$bus/drivers/nvgrace_egm.egm/unbind"
}

bind_region() {
	echo nvgrace_gpu_vfio_pci.egm.4 >"$bus/drivers/nvgrace_egm.egm/bind"
}

# sorted WORDS...: one a line.
sorted() {
	tr ' ' '\n' <<<"$*" | sort
}

# complaints: what the kernel's log has from our modules at warning level and above. A word about every
# module that is not the kernel's own is none of ours.
complaints() {
	dmesg --level=emerg,alert,crit,err,warn | grep -E 'nvgrace|egm[0-9]|EGM' |
		grep -vE 'first insmod|loading out-of-tree module|module verification failed' || true
}

kvm_warnings() {
	complaints | grep -c 'KVM of this kernel maps EGM as Device memory' || true
}

base4=$(host '.sockets[0].base')
gpus4=("$(gpu 0)" "$(gpu 1)")
gpus5=("$(gpu 2)" "$(gpu 3)")

expect "aliases of nvgrace-egm" \
	"auxiliary:nvgrace_gpu_vfio_pci.egm auxiliary:nvidia_vgpu_vfio.egm" \
	"$(modinfo -F alias "$EGM_MODULES/nvgrace-egm.ko" | sort | xargs)"
dev_mem "$base4" || fail "/dev/mem does not reach hidden memory at all: its refusal would show nothing"

load_modules
expect "regions without a GPU" "" "$(ls "$class")"

# One socket
bind "${gpus4[0]}"
check_socket 0 "$(node_of 4)" 2 "${gpus4[0]}"
bind "${gpus4[1]}"
check_socket 0 "$(node_of 4)" 2 "${gpus4[@]}"
expect "regions of one socket" egm4 "$(ls "$class")"
expect "retired pages of egm4" \
	"0x0000000000000000 0x0000000000010000 firmware
0x0000000001000000 0x0000000000010000 firmware" "$(cat "$class/egm4/retired_pages")"
# The second line alone, as a reader in pieces gets it
expect "the second line of it" "0x0000000001000000 0x0000000000010000 firmware" \
	"$(dd if="$class/egm4/retired_pages" bs=47 skip=1 count=1 status=none)"
! dev_mem "$base4" || fail "/dev/mem reads the region"
echo "ok: /dev/mem refuses the region"

# Two sockets
bind "${gpus5[0]}"
bind "${gpus5[1]}"
bind "$off"
check_socket 0 "$(node_of 4)" 2 "${gpus4[@]}"
check_socket 1 "$(node_of 5)" 0 "${gpus5[@]}"
expect "regions of two sockets" "egm4 egm5" "$(basename -a "$class"/* | xargs)"
expect "retired pages of egm5" "" "$(cat "$class/egm5/retired_pages")"
check_gpu "$off" off absent 0 0x0 0x0

# egmctl reads the same
expect "egmctl list" "0" "$(egmctl list >/run/list 2>/run/list.err; echo $?)"
cat /run/list
expect "first column of egmctl list" "DEVICE /dev/egm4 /dev/egm5" "$(awk '{print $1}' /run/list | xargs)"
egmctl list --json >/run/list.json 2>/dev/null
for pxm in 4 5; do
	device=$class/egm$pxm
	expect "egmctl list --json: egm$pxm" \
		"/dev/egm$pxm ok $(tr ':' ' ' <"$device/dev") $(($(cat "$device/egm_size"))) $(cat "$device/pxm") \
$(cat "$device/numa_node") $(cat "$device/state") $(cat "$device/retired_count") $(cat "$device/abi_version") \
$(sort "$device/gpu_devices" | xargs)" \
		"$(jq -r --arg name "egm$pxm" '.devices[] | select(.name == $name) |
			"\(.path) \(.node) \(.major) \(.minor) \(.size_bytes) \(.pxm) \(.numa_node) \(.state) \(.retired_count) \(.abi_version) \(.gpus | join(" "))"' /run/list.json)"
done
for address in "${gpus4[@]}" "${gpus5[@]}" "$off"; do
	directory=$pci/$address/egm
	expect "egmctl list --json: $address" \
		"nvgrace_gpu_vfio_pci $(cat "$directory/status") $(cat "$directory/reason") $(cat "$directory/base")" \
		"$(jq -r --arg gpu "$address" '.gpus[] | select(.pci_address == $gpu) |
			"\(.driver) \(.status) \(.reason) \(.base)"' /run/list.json)"
done
expect "what egmctl warns of" "note region_off $off" \
	"$(jq -r '.warnings[] | "\(.severity) \(.code) \(.subject)"' /run/list.json)"
expect "egmctl retired-pages" "16777216 65536 firmware" \
	"$(egmctl retired-pages --json egm4 | jq -r '.devices[0].retired_pages[1] | "\(.offset_bytes) \(.size_bytes) \(.origin)"')"

# Something else at the node's path: QEMU leaves a regular file there when the node is missing.
number=$(tr ':' ' ' <"$class/egm4/dev")
# finding CODE: egmctl reports it of egm4, in words and in JSON.
finding() {
	expect "finding in JSON" "$1" "$(egmctl list --json 2>/dev/null |
		jq -r '.warnings[] | select(.subject == "egm4").code')"
	egmctl info egm4 >/run/info 2>&1
	grep -q "$2" /run/info || fail "egmctl info does not say '$2': $(cat /run/info)"
	egmctl list 2>&1 >/dev/null | grep -q "$2" || fail "egmctl list does not say '$2'"
	echo "ok: egmctl says: $2"
}
rm /dev/egm4
finding node_missing 'is missing'
truncate -s 64M /dev/egm4
finding node_regular_file 'is a regular file'
rm /dev/egm4
# shellcheck disable=SC2086 # two numbers
mknod -m 0600 /dev/egm4 c $number
expect "findings with the node back" "" "$(egmctl list --json 2>/dev/null |
	jq -r '.warnings[] | select(.subject == "egm4").code')"
expect "the node made by hand" 67108864 "$(/egm/lib/device.py size /dev/egm4)"
# The kernel never removes what it did not make.
rm /dev/egm4
unbind_region
bind_region
check_node 4

# Links and lines come and go with their GPUs.
unbind "${gpus4[1]}"
check_gpus 4 "${gpus4[0]}"
[[ ! -e $pci/${gpus4[1]}/egm ]] || fail "a GPU that is not bound still has attributes"
bind "${gpus4[1]}"
check_gpus 4 "${gpus4[@]}"
unbind "${gpus4[0]}"
check_gpus 4 "${gpus4[1]}"
bind "${gpus4[0]}"
check_gpus 4 "${gpus4[1]}" "${gpus4[0]}"
check_gpus 5 "${gpus5[@]}"

# The uevent is the last thing that happens: its listener finds all links and attributes. The order is the
# kernel's own word, as a listener may be too slow to find anything missing. It composes no uevent that is
# held back.
tracing=/sys/kernel/tracing
cat >"$tracing/kprobe_events" <<-'END' || fail "no probes: $(cat "$tracing/error_log")"
	p:egm/link sysfs_create_link_nowarn word=+0($arg3):string
	p:egm/file sysfs_create_bin_file word=+0(+0($arg2)):string
	p:egm/uevent dev_uevent word=+0(+0($arg1)):string
END
echo 'word == "egm4"' >"$tracing/events/egm/uevent/filter"
unbind_region
echo 1 >"$tracing/events/egm/enable"
bind_region
echo 0 >"$tracing/events/egm/enable"
mapfile -t made < <(sed -n 's/.* word="\(.*\)"$/\1/p' "$tracing/trace")
echo >"$tracing/kprobe_events"
expect "made before the uevent, and the uevent" \
	"$(sorted "${gpus4[*]} retired_pages")"$'\negm4' \
	"$(sorted "${made[*]:0:3}")"$'\n'"${made[*]:3}"
SYSTEMD_IGNORE_CHROOT=1 udevadm monitor --kernel --property >/run/monitor &
monitor=$!
trap 'kill "$monitor" 2>/dev/null || true' EXIT
wait_for 10 grep -q '^KERNEL - ' /run/monitor
unbind_region
bind_region
wait_for 10 grep -q '^DEVNAME=/dev/egm4' /run/monitor
kill "$monitor"
echo "ok: a uevent tells of /dev/egm4"

# After the last GPU of a socket nothing is left of it; the other one stays.
unbind "${gpus4[0]}"
unbind "${gpus4[1]}"
expect "regions" egm5 "$(ls "$class")"
[[ ! -e /dev/egm4 && ! -e $bus/devices/nvgrace_gpu_vfio_pci.egm.4 ]] || fail "something of egm4 is left"
expect "claims in /proc/iomem" egm5 "$(awk '$3 ~ /^egm/ {print $3}' /proc/iomem)"
dev_mem "$base4" || fail "/dev/mem still refuses memory that nobody claims"
check_gpus 5 "${gpus5[@]}"
unload_modules
expect "root device" "" "$(ls -d /sys/devices/nvgrace_gpu_vfio_pci 2>/dev/null || true)"

# What the log has of all this
case $EGM_KERNEL in
debian-6.12)
	expect "warnings about KVM" 1 "$(kvm_warnings)"
	expect "other complaints" "" "$(complaints | grep -v 'KVM of this kernel' || true)"
	;;
*)
	expect "complaints" "" "$(complaints)"
	;;
esac
