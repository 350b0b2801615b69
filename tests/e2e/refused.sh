#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Firmware that gets it wrong: whatever a GPU's properties say, it keeps its VFIO driver, the cause can be
# read, no node appears, and the good socket's region does not notice. The description says what must
# become of each GPU.

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

pci=/sys/bus/pci/devices

# gpus JQ_CONDITION: their addresses.
gpus() {
	host ".gpus[] | select($1).address"
}

# about ADDRESS JQ_FILTER
about() {
	host --arg address "$1" ".gpus[] | select(.address == \$address) | $2"
}

bind_gpus() {
	local address
	for address in "$@"; do
		bind "$address"
	done
}

unbind_gpus() {
	local address
	for address in "$@"; do
		unbind "$address"
	done
}

# check_good: the one region is there, works, and holds zeros.
check_good() {
	expect "regions" egm4 "$(ls /sys/class/egm)"
	expect "nodes" /dev/egm4 "$(echo /dev/egm*)"
	expect "gpu_devices" "$(printf '%s\n' "${good[@]}")" "$(cat /sys/class/egm/egm4/gpu_devices)"
	expect "open" ok "$(tell owner open /dev/egm4 rw)"
	expect "map" ok "$(tell owner map $((64 << 20)))"
	expect "bytes that are not zero" 0 "$(tell owner nonzero)"
	expect "fill" ok "$(tell owner fill 0x5a)"
	expect "unmap" ok "$(tell owner unmap)"
	expect "close" ok "$(tell owner close)"
}

# check_gpu ADDRESS: what became of it, in sysfs, the log and egmctl.
check_gpu() {
	local address=$1 name status reason words
	name=$(about "$address" .name)
	status=$(about "$address" '.expect[0]')
	reason=$(about "$address" '.expect[1]')
	words=$(about "$address" '.expect[2] // empty')

	expect "$name: driver" nvgrace_gpu_vfio_pci "$(basename "$(realpath "$pci/$address/driver")")"
	expect "$name: status" "$status" "$(cat "$pci/$address/egm/status")"
	expect "$name: reason" "$reason" "$(cat "$pci/$address/egm/reason")"
	if [[ $words ]]; then
		dmesg --level=err | grep -F "$address: " | grep -F "$words" ||
			fail "$name: no error in the log has '$words': $(dmesg | grep -F "$address: ")"
	fi
	expect "$name: refusals in the log" "$([[ $status == refused ]] && echo 1 || echo 0)" \
		"$(dmesg | grep -cF "$address: EGM refused: " || true)"
	expect "$name: egmctl" "$status $reason" \
		"$(jq -r --arg gpu "$address" '.gpus[] | select(.pci_address == $gpu) | "\(.status) \(.reason)"' /run/list.json)"
	case $status in
	refused)
		expect "$name: egmctl warns" "warning region_refused" "$(finding "$address")"
		jq -e --arg gpu "$address" '.gpus[] | select(.pci_address == $gpu) | .meaning and .advice' \
			/run/list.json >/dev/null || fail "$name: egmctl does not explain $reason"
		;;
	off) expect "$name: egmctl notes" "note region_off" "$(finding "$address")" ;;
	joined) expect "$name: egmctl is content" "" "$(finding "$address")" ;;
	esac
}

finding() {
	jq -r --arg gpu "$1" '.warnings[] | select(.subject == $gpu) | "\(.severity) \(.code)"' /run/list.json
}

mapfile -t good < <(gpus '.expect[0] == "joined"')
# These are wrong only beside the good ones.
mapfile -t beside < <(gpus '.expect[1] | . == "disagrees" or . == "region"')
mapfile -t alone < <(gpus '.expect[1] | . != "none" and . != "disagrees" and . != "region"')
expect "GPUs" 27 "$((${#good[@]} + ${#beside[@]} + ${#alone[@]}))"

# The host is what the description takes it for.
# entries NAME ADDRESS AWK_CONDITION: whether /proc/iomem has an entry of this name for which the condition
# holds: first and last are its bounds, base and end those of what the GPU's firmware calls EGM.
entries() {
	local base size
	base=$(about "$2" '.properties["nvidia,egm-base-pa"]')
	size=$(about "$2" '.properties["nvidia,egm-size"]')
	awk -F ' : ' -v name="$1" -v base="$base" -v end=$((base + size - 1)) '
		$2 == name {
			gsub(" ", "", $1) # they are nested
			split($1, bounds, "-")
			first = strtonum("0x" bounds[1])
			last = strtonum("0x" bounds[2])
			if ('"$3"')
				found = 1
		}
		END {exit !found}' /proc/iomem
}
entries "Kernel code" "$(gpu 'the kernel itself')" 'base <= first && last <= end' || fail "the kernel is not where the description has it"
entries reserved "$(gpu "inside firmware's reserved memory")" 'first < base && end < last' ||
	fail "firmware reserved nothing where the description has it: $(grep reserved /proc/iomem)"
entries "PCI Bus 0000:00" "$(gpu 'over a PCI window')" 'first < base && end < last' ||
	fail "no PCI window where the description has it"

load_modules
actor owner

# Before there is a good socket: nothing appears.
bind_gpus "${alone[@]}"
expect "regions without a good socket" "" "$(ls /sys/class/egm)"
bind_gpus "${good[@]}"
check_good
bind_gpus "${beside[@]}"
check_good

egmctl list --json >/run/list.json 2>/run/list.err || fail "egmctl list: $(cat /run/list.err)"
for address in "${good[@]}" "${beside[@]}" "${alone[@]}"; do
	check_gpu "$address"
done
# In words, too
egmctl info >/run/info 2>&1
for reason in $(host '.gpus[].expect | select(.[0] == "refused")[1]' | sort -u); do
	grep -q "$reason" /run/info || fail "egmctl info does not name '$reason'"
	echo "ok: egmctl info names $reason"
done

# All of them work as VFIO devices, at the same time.
actor user
for address in $(gpus true); do
	expect "$(about "$address" .name): through VFIO" 1234:1111 "$(tell user vfio "$address")"
done
dismiss user

# They go in any order.
unbind_gpus "${beside[@]}"
check_good
bind_gpus "${beside[@]}"
mapfile -t backwards < <(printf '%s\n' "${beside[@]}" "${alone[@]}" | tac)
unbind_gpus "${backwards[@]}"
check_good

# Who came first has the memory for as long as the module is there: it knows what became of the memory.
rival=$(gpu "over all of another socket's region")
unbind_gpus "${good[@]}"
expect "regions after the good socket" "" "$(ls /sys/class/egm)"
bind "$rival"
expect "reason of who takes the memory for its own" region "$(cat "$pci/$rival/egm/reason")"
expect "regions" "" "$(ls /sys/class/egm)"
bind_gpus "${good[@]}"
check_good
dismiss owner
unbind_gpus "${good[@]}" "$rival"
unload_modules
load_modules
bind "$rival"
expect "regions" egm5 "$(ls /sys/class/egm)"
bind_gpus "${good[@]}"
for address in "${good[@]}"; do
	expect "reason of who is late now" region "$(cat "$pci/$address/egm/reason")"
done
expect "regions" egm5 "$(ls /sys/class/egm)"
unbind_gpus "${good[@]}" "$rival"
unload_modules

# A GPU that was not there when a region over its memory was offered has no memory, claimed or not.
late=$(gpu good)
over=$(gpu "over another GPU's memory")
insmod "$EGM_MODULES/nvgrace-gpu-vfio-pci.ko"
echo 1 >"$pci/$late/remove"
bind "$over"
expect "status of who is alone" joined "$(cat "$pci/$over/egm/status")"
echo 1 >/sys/bus/pci/rescan
bind "$late"
dmesg --level=err | grep -F "$late: GPU memory refused: " | grep -F "of proximity domain 5" ||
	fail "nothing is said of memory that is a region: $(dmesg | tail -n 5)"
rmmod nvgrace_gpu_vfio_pci
