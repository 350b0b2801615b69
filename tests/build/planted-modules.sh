#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# planted-modules.sh KERNEL: what modules.sh looks for is found, when planted in a copy of the tree.
source "$(dirname "$0")/lib.sh"
kernel=$1

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
