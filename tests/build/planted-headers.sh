#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# planted-headers.sh KERNEL: NVIDIA's kernels have headers named like ours; ours stand in front.
source "$(dirname "$0")/lib.sh"
kernel=$1
common=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "${kernel#*:}/Makefile")
names=(include/linux/nvgrace-egm.h include/uapi/linux/egm.h)

# The kernel's directories with such headers, seen only in here.
if [[ ${2-} != inside ]]; then
	for name in "${names[@]}"; do
		mkdir -p "/build/kernel/$(dirname "$name")"
		cp -r "$common/$(dirname "$name")/." "/build/kernel/$(dirname "$name")"
		echo "#error planted $name" > "/build/kernel/$name"
	done
	exec unshare --user --map-root-user --mount "$0" "$kernel" inside
fi
for name in "${names[@]}"; do
	mount --bind "/build/kernel/$(dirname "$name")" "$common/$(dirname "$name")"
done

# A module that knows nothing of our directories meets them.
mapfile -t args < <(kbuild_args "$kernel")
for header in linux/nvgrace-egm.h linux/egm.h; do
	mkdir -p /build/probe
	echo "#include <$header>" > /build/probe/probe.c
	echo 'obj-m := probe.o' > /build/probe/Kbuild
	! make -C "${kernel#*:}" M=/build/probe "${args[@]}" modules > /build/probe.log 2>&1 ||
		fail "the planted $header is not met by a module that includes it"
	grep -q '#error planted' /build/probe.log || fail "$(cat /build/probe.log)"
done

build /src "$kernel" /build/modules "${test_modules[@]}"
