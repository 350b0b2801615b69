#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The package with the modules' source on an installed host: DKMS builds them for the kernel that runs and
# for one that comes later, they stand in for the kernel's own, and removal leaves nothing.

set -euo pipefail
# shellcheck source=../e2e/lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=../e2e/lib/installed.sh
. /egm/lib/installed.sh

release=$(uname -r)
kernels=/lib/modules/$release/kernel/drivers/vfio/pci/nvgrace-gpu
names=(nvgrace-gpu-vfio-pci nvgrace-egm)

# everything: what there is of the package and of what it makes, beside DKMS' own directories
everything() {
	find /lib/modules/*/ /usr/src /var/lib/dkms -name '*nvgrace*' | sort
}

# built_for RELEASE: both are there, for that kernel.
built_for() {
	local name file
	for name in "${names[@]}"; do
		file=$(compgen -G "/lib/modules/$1/updates/dkms/$name.ko*") || fail "$name is not there for $1"
		expect "$name is for" "$1" "$(modinfo -F vermagic "$file" | cut -d' ' -f1)"
	done
}

# A kernel's own module of that name. Like the real one, vfio-pci has no version: DKMS would not replace
# what has its module's version or a later one.
own=$kernels/nvgrace-gpu-vfio-pci.ko.xz
mkdir -p "$kernels"
cp "$(modinfo -n vfio-pci)" "$own"
depmod -a
expect "the kernel's own" "$own" "$(modinfo -n nvgrace-gpu-vfio-pci)"
before=$(everything)

echo "== installed"
dpkg --install /egm/packages/nvgrace-egm-dkms_*.deb
dkms status
expect "kernels that DKMS has it installed for" 1 "$(dkms status -m nvgrace-egm | grep -c ': installed')"
built_for "$release"
for name in "${names[@]}"; do
	expect "what modprobe would load" "/lib/modules/$release/updates/dkms/$name.ko" \
		"$(modinfo -n "$name" | sed 's|^/usr||; s|\.xz$||')"
done

echo "== another kernel comes"
# Of a kernel that is not installed only what modules are built with is here: no linux-base of its own.
dpkg --install --force-depends /later/*.deb
dkms status
expect "kernels that DKMS has it installed for" 2 "$(dkms status -m nvgrace-egm | grep -c ': installed')"
later=$(dkms status -m nvgrace-egm | sed 's/^[^,]*, //; s/,.*//' | grep -vx "$release")
built_for "$later"

echo "== they work"
mark_log
modprobe nvgrace-gpu-vfio-pci
bind_all
wait_for 60 test -c /dev/egm5
for name in "${names[@]}"; do
	expect "what is loaded of $name" "$(modinfo -F srcversion "$name")" \
		"$(<"/sys/module/${name//-/_}/srcversion")"
done
/egm/lib/device.py nonzero /dev/egm4

echo "== removed"
dpkg --purge nvgrace-egm-dkms
expect "what is left" "$before" "$(everything)"
expect "the kernel's own again" "$own" "$(modinfo -n nvgrace-gpu-vfio-pci)"
expect "state of egm4, of modules that are only loaded" idle "$(</sys/class/egm/egm4/state)"
unload_modules
