#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sparse.sh KERNEL: sparse finds nothing, after it has found a planted fault.
source "$(dirname "$0")/lib.sh"
kernel=$1
# It does not know of cleanup functions: where spinlocks are annotated for it, a guard looks held for ever.
sparse=(KBUILD_CHECKSRC=2 CHECK=/opt/sparse/sparse CF=-Wno-context "$without_btf")

build /src "$kernel" /build/modules EGM_TESTS=1 "${sparse[@]}"
grep -q '^ *CHECK ' /build/modules.log || fail "sparse did not run"
! complaints /build/modules.log || fail "sparse has findings"

copy_tree /build/copy
echo 'int __user *egm_planted(int *kernel); int __user *egm_planted(int *kernel) { return kernel; }' \
	>> /build/copy/kmod/nvgrace-egm/main.c
build /build/copy "$kernel" /build/planted "${sparse[@]}"
complaints /build/planted.log | grep -q 'address space' || fail "sparse does not see a planted fault"
