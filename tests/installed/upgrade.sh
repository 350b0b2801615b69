#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Both packages are upgraded, downgraded and removed while a guest runs on the carve-outs: it runs on, with
# the modules that are loaded, and egmctl tells when those are not the installed ones.

set -euo pipefail
# shellcheck source=../e2e/lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=../e2e/lib/installed.sh
. /egm/lib/installed.sh
# shellcheck source=../e2e/lib/guest.sh
. /egm/lib/guest.sh

later=/run/later
version=$(dpkg-deb --field /egm/packages/nvgrace-egm-dkms_*.deb Version)

# make_later PACKAGE: the same, in a later version whose modules differ
make_later() {
	local tree=/run/tree
	dpkg-deb --raw-extract "$1" $tree
	sed -i "s/^Version: .*/Version: $version.1/" $tree/DEBIAN/control
	if [[ -d $tree/usr/src ]]; then
		mv $tree/usr/src/nvgrace-egm-"$version"{,.1}
		echo "$version.1" >$tree/usr/src/nvgrace-egm-"$version.1"/VERSION
		sed -i "s/${version//./\\.}/&.1/g" $tree/DEBIAN/{postinst,prerm} $tree/usr/src/*/dkms.conf
		for source in "$tree"/usr/src/*/kmod/nvgrace-{gpu,egm}/main.c; do
			echo 'typedef int egm_later;' >>"$source"
		done
	fi
	dpkg-deb --build $tree $later
	rm -r $tree
}

# runs_on WHAT CHECK STATUS: the guest does, on the modules that were loaded for it; what egmctl's check ends with
runs_on() {
	local status=0
	echo "== $1"
	kill -0 "$guest_pid" || fail "the guest has ended"
	expect "$1: state of egm4" in-use "$(</sys/class/egm/egm4/state)"
	expect "$1: what is loaded" "$loaded" "$(cat /sys/module/nvgrace_{egm,gpu_vfio_pci}/{version,srcversion})"
	egmctl validate --strict --check "$2" || status=$?
	expect "$1: exit status of validate" "$3" "$status"
}

mkdir $later
for package in /egm/packages/*.deb; do
	make_later "$package"
done

dpkg --install /egm/packages/*.deb
mark_log
modprobe nvgrace-gpu-vfio-pci
bind_all
wait_for 60 test -c /dev/egm5
loaded=$(cat /sys/module/nvgrace_{egm,gpu_vfio_pci}/{version,srcversion})
start_guest -device "vfio-pci,host=$(gpu 0)"
await_guest 900
runs_on "installed" mod.current 0

dpkg --install $later/*.deb
expect "version of egmctl" "$version.1" "$(dpkg-query --showformat '${Version}' --show egmctl)"
expect "versions that DKMS knows" "$version.1" "$(dkms status -m nvgrace-egm | sed 's|^[^/]*/||; s/,.*//')"
runs_on "upgraded" mod.current 1

dpkg --install /egm/packages/*.deb
runs_on "downgraded" mod.current 0

dpkg --purge nvgrace-egm-dkms
runs_on "modules removed" pkg.dkms 1
dpkg --purge egmctl
kill -0 "$guest_pid" || fail "the guest has ended"

stop_guest
becomes_idle egm4
unload_modules
