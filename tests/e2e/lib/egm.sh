# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For suites: `. /egm/lib/egm.sh`. Environment: EGM_HOST (the host's description, JSON), EGM_MODULES,
# EGM_KERNEL; PATH includes /egm/bin.

# fail MESSAGE: the suite has failed.
fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# expect WHAT EXPECTED ACTUAL
expect() {
	if [[ $2 != "$3" ]]; then
		fail "$1: expected '$2', got '$3'"
	fi
	echo "ok: $1: $3"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		if ((SECONDS >= deadline)); then
			fail "waited in vain for: $*"
		fi
		sleep 0.1
	done
}

# host JQ_FILTER [jq options]: something of the description, as plain text.
host() {
	jq -r "$@" "$EGM_HOST"
}

# gpu N | gpu NAME: the PCI address of a GPU, counted from 0 or named in the description.
gpu() {
	local address
	# shellcheck disable=SC2016 # jq's variable
	address=$(host --arg gpu "$1" \
		'.gpus as $all | ([$all[] | select(.name == $gpu)] + [$all[$gpu | tonumber? // empty]])[0].address // empty')
	[[ -n $address ]] || fail "the description has no GPU '$1'"
	echo "$address"
}

# page_size: of the kernel, in bytes.
page_size() {
	python3 -c 'import mmap; print(mmap.PAGESIZE)'
}

# The kernel's log is judged from here on.
mark_log() {
	echo 'egm: first insmod' >/dev/kmsg
}

# load_modules [parameters of nvgrace-egm]
# shellcheck disable=SC2120 # all of them are optional
load_modules() {
	mark_log
	modprobe -a vfio-pci-core vfio_iommu_type1
	insmod "$EGM_MODULES/nvgrace-gpu-vfio-pci.ko"
	insmod "$EGM_MODULES/nvgrace-egm.ko" "$@"
}

unload_modules() {
	rmmod nvgrace_egm
	rmmod nvgrace_gpu_vfio_pci
}

# bind ADDRESS [DRIVER]: hand a function to a driver, ours if none is named.
bind() {
	local device=/sys/bus/pci/devices/$1 driver=${2:-nvgrace_gpu_vfio_pci}
	echo "$driver" >"$device/driver_override"
	if [[ -e $device/driver ]]; then
		echo "$1" >"$device/driver/unbind"
	fi
	echo "$1" >/sys/bus/pci/drivers_probe
	[[ $(basename "$(readlink -f "$device/driver")") == "$driver" ]] || fail "$driver did not bind $1"
}

# unbind ADDRESS: from whatever driver has it; no driver will take it by itself.
unbind() {
	echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
	echo >"/sys/bus/pci/devices/$1/driver_override"
}

# bind_all: every GPU of the description.
bind_all() {
	local address
	for address in $(host '.gpus[].address'); do
		bind "$address"
	done
}
