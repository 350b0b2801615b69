#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# modules.sh KERNEL: the modules build for it without a word at W=1, share no object, and say of
# themselves what they must. Each of these checks first finds a fault planted in a copy of the tree.
source "$(dirname "$0")/lib.sh"
kernel=$1

# shared_objects WORK: the objects that belong to more than one module
shared_objects() {
	find "$1" -name '*.mod' -exec cat {} + | tr ' ' '\n' | sort | uniq -d | grep .
}

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

build /src "$kernel" /build/modules W=1 EGM_TESTS=1
work=$(work_dir "$kernel" /build/modules)
! complaints /build/modules.log || fail "the build is not silent"
! shared_objects "$work" || fail "an object belongs to two modules"
check_modinfo "$work"

copy_tree /build/copy
main=/build/copy/kmod/nvgrace-egm/main.c
cat >> "$main" <<-'EOF'
	void egm_planted(int value);
	void egm_planted(int value) { int planted; planted = value; }
EOF
build /build/copy "$kernel" /build/planted W=1 "$without_btf"
complaints /build/planted.log | grep -q planted || fail "W=1 does not see a planted fault"

cp /src/kmod/nvgrace-egm/main.c "$main"
echo 'extern int egm_planted(void); int (*egm_planter)(void) = egm_planted;' >> "$main"
! build /build/copy "$kernel" /build/planted "$without_btf" || fail "a planted unresolved symbol is accepted"
grep -q 'egm_planted.*undefined' /build/planted.log || fail "a planted unresolved symbol is not named"

cp /src/kmod/nvgrace-egm/main.c "$main"
cat > /build/copy/kmod/nvgrace-egm/shared.c <<-'EOF'
	#include <linux/module.h>
	MODULE_DESCRIPTION("belongs to two modules");
	MODULE_LICENSE("GPL");
EOF
printf '%s\n' 'nvgrace-egm-y += shared.o' 'obj-m += planted.o' 'planted-y := shared.o' \
	>> /build/copy/kmod/nvgrace-egm/Kbuild
build /build/copy "$kernel" /build/planted "$without_btf"
shared_objects "$(work_dir "$kernel" /build/planted)" | grep -q 'shared\.o' ||
	fail "a planted object of two modules goes unnoticed"
