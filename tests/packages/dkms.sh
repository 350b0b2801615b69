#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dkms.sh KERNEL DKMS: that DKMS builds both modules for the kernel from the sources that the package
# has, and skips a kernel that they cannot serve. A broken source is a failure, and not skipped.
source "$(dirname "$0")/../build/lib.sh"
kernel=${1#*:}
dkms=$2
version=$(</src/VERSION)
release=$(<"$kernel/include/config/kernel.release")

# made RELEASE KERNEL [OPTION...]: builds it, in a DKMS tree of its own; the status is that of DKMS
made() {
	rm -rf /build/dkms
	mkdir -p /build/dkms /build/modules
	local trees=(-m nvgrace-egm -v "$version" --dkmstree /build/dkms --sourcetree "$sources"
		--installtree /build/modules)
	bash "$dkms" add "${trees[@]}"
	bash "$dkms" build "${trees[@]}" --kernelsourcedir "$2" -k "$1" -a "${3:-x86_64}"
}

skipped() {
	local status=0
	made "$@" || status=$?
	[[ $status -eq 77 ]] || fail "$*: not skipped, but $status"
}

cmake -S /src -B /build/cmake -G Ninja -DEGM_TOOL=OFF >/dev/null
DESTDIR=/build/root cmake --install /build/cmake --component dkms >/dev/null
sources=/build/root/usr/local/src

made "$release" "$kernel"
for module in nvgrace-gpu-vfio-pci nvgrace-egm; do
	found=("/build/dkms/nvgrace-egm/$version/$release/x86_64/module/$module.ko"*)
	[[ $(modinfo -F version "${found[0]}") == "$version" ]] || fail "$module: not version $version"
done
[[ $(find /build/dkms -path '*/module/*.ko*' | wc -l) -eq 2 ]] || fail "more than two modules"

skipped 6.1.0-50-amd64 "$kernel"
skipped 6.11.10-amd64 "$kernel"
skipped "$release" "$kernel" ppc64le
mkdir /build/without
cp -r "$kernel"/{.config,Makefile,include} /build/without
# One DKMS reads this, another that.
sed -i '/^CONFIG_VFIO_PCI_CORE=/d' /build/without/.config /build/without/include/config/auto.conf
skipped "$release" /build/without

echo '#error planted' >>"$sources/nvgrace-egm-$version/kmod/nvgrace-egm/main.c"
status=0
made "$release" "$kernel" || status=$?
[[ $status -ne 0 && $status -ne 77 ]] || fail "a source that does not compile: $status"
