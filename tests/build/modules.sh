#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# modules.sh KERNEL: the modules build for it without a word at W=1, share no object, and say of
# themselves what they must.
source "$(dirname "$0")/lib.sh"
kernel=$1

# has MODULE FIELD VALUE: the module says so of itself
has() {
	modinfo -F "$2" "$1" | grep -qxF -- "$3" || fail "$(basename "$1"): $2 is not $3"
}

check_modinfo() {
	local gpu=$1/kmod/nvgrace-gpu/nvgrace-gpu-vfio-pci.ko egm=$1/kmod/nvgrace-egm/nvgrace-egm.ko
	local id module
	for module in "$gpu" "$egm"; do
		[[ -f $module ]] || fail "$module was not built"
		has "$module" version "$(</src/VERSION)"
		has "$module" license GPL
	done
	# GH200 120GB, GH200 480GB, GH200, GB200, GB300; bound by driver_override only.
	for id in 2342 2345 2348 2941 31C2; do
		has "$gpu" alias "vfio_pci:v000010DEd0000${id}sv*sd*bc*sc*i*"
	done
	! modinfo -F alias "$gpu" | grep '^pci:' || fail "loaded for every such GPU, not only for VFIO"
	has "$egm" alias auxiliary:nvgrace_gpu_vfio_pci.egm
	has "$egm" alias auxiliary:nvidia_vgpu_vfio.egm
}

build /src "$kernel" /build/modules W=1 EGM_TESTS=1 "$without_btf"
work=$(work_dir "$kernel" /build/modules)
! complaints /build/modules.log || fail "the build is not silent"
! shared_objects "$work" || fail "an object belongs to two modules"
check_modinfo "$work"
