#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# planted-headers.sh KERNEL: NVIDIA's kernels have headers named like ours; ours stand in front.
source "$(dirname "$0")/lib.sh"
arch=${1%%:*}
headers=${1#*:}
common=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$headers/Makefile")

# The same kernel, made of links (its Makefile holds absolute paths), with such headers.
mkdir /build/kernel
cp -rs "$headers" /build/kernel/headers
cp -rs "$common" /build/kernel/common
sed -i "s#$common#/build/kernel/common#; s#$headers#/build/kernel/headers#" \
	/build/kernel/headers/Makefile
for name in include/linux/nvgrace-egm.h include/uapi/linux/egm.h; do
	rm -f "/build/kernel/common/$name"
	echo '#error planted' > "/build/kernel/common/$name"
done
kernel=$arch:/build/kernel/headers

# A module that knows nothing of our directories meets them.
mapfile -t args < <(kbuild_args "$kernel")
for header in linux/nvgrace-egm.h linux/egm.h; do
	mkdir -p /build/probe
	echo "#include <$header>" > /build/probe/probe.c
	echo 'obj-m := probe.o' > /build/probe/Kbuild
	! make -C "${kernel#*:}" M=/build/probe "${args[@]}" modules > /build/probe.log 2>&1 ||
		fail "the planted $header is not met by a module that includes it"
	grep -q "$header.*#error planted" /build/probe.log || fail "$(cat /build/probe.log)"
done

build /src "$kernel" /build/modules EGM_TESTS=1 "$without_btf"
