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

# state_is REGION STATE
state_is() {
	[[ $(<"/sys/class/egm/$1/state") == "$2" ]]
}

# becomes_idle REGION: soon after its owner has ended. The owner's GPU may be let go of a little later, and
# it is looked for again and again.
becomes_idle() {
	wait_for 60 state_is "$1" idle
	echo "ok: $1 is idle"
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

# reserve ADDRESS [DRIVER]: takes a function away from its driver, for the one named or ours alone to take.
reserve() {
	local device=/sys/bus/pci/devices/$1
	echo "${2:-nvgrace_gpu_vfio_pci}" >"$device/driver_override"
	if [[ -e $device/driver ]]; then
		echo "$1" >"$device/driver/unbind"
	fi
}

# say_ready ADDRESS [VALUE]: a GPU that is no more than RAM in its BAR0 says in both its registers that its
# memory can be used, or has another VALUE there.
say_ready() {
	local bar register
	read -r bar _ <"/sys/bus/pci/devices/$1/resource"
	setpci -s "$1" COMMAND=2:2
	for register in 0x1498 0x200bc; do
		busybox devmem $((bar + register)) 32 "${2:-0xff}"
	done
}

# bind ADDRESS [DRIVER]: hand a function to a driver, ours if none is named; a GPU's memory is ready.
bind() {
	local driver=${2:-nvgrace_gpu_vfio_pci}
	reserve "$@"
	# shellcheck disable=SC2016 # jq's variable
	if host -e --arg gpu "$1" 'any(.gpus[]; .address == $gpu and (.device | startswith("bochs-display"))
			and .properties["nvidia,gpu-mem-size"] > 0)' >/dev/null; then
		say_ready "$1"
	fi
	echo "$1" >/sys/bus/pci/drivers_probe
	[[ $(basename "$(readlink -f "/sys/bus/pci/devices/$1/driver")") == "$driver" ]] ||
		fail "$driver did not bind $1"
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
