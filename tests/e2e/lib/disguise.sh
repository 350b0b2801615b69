# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A GPU of the description as one of NVIDIA's: tests/kmod/gpu_disguise.c. One at a time.

# again ADDRESS COMMAND...: the kernel forgets a function, and finds it again after the command.
again() {
	echo 1 >"/sys/bus/pci/devices/$1/remove"
	"${@:2}"
	echo 1 >/sys/bus/pci/rescan
	wait_for 10 test -e "/sys/bus/pci/devices/$1"
}

# disguise ADDRESS [parameters of the module]
disguise() {
	again "$1" insmod "$EGM_MODULES/gpu_disguise.ko" "address=$1" "${@:2}"
}

# undisguise ADDRESS
undisguise() {
	again "$1" rmmod gpu_disguise
}

# disguise_says PARAMETER [VALUE]: what it is, or shall be.
disguise_says() {
	if (($# > 1)); then
		echo "$2" >"/sys/module/gpu_disguise/parameters/$1"
	else
		cat "/sys/module/gpu_disguise/parameters/$1"
	fi
}
