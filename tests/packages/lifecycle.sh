#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# On a clean machine: the packages are installed, upgraded, downgraded and removed; DKMS builds at each
# step, in front of the kernel's own module, and nothing stays behind. Then the same from source.
source "$(dirname "$0")/lib.sh"
export DEBIAN_FRONTEND=noninteractive
release=$(basename /usr/lib/modules/*)
version=$(</src/VERSION)
place=/usr/lib/modules/$release/updates

# As the kernel's package leaves it, with a module of its own of that name.
own=/usr/lib/modules/$release/kernel/drivers/vfio
mkdir -p "$own" /tmp/own
echo 'obj-m := nvgrace-egm.o' >/tmp/own/Kbuild
printf '#include <linux/module.h>\nMODULE_DESCRIPTION("in tree");\nMODULE_LICENSE("GPL");\n' >/tmp/own/nvgrace-egm.c
make -s -C "/usr/lib/modules/$release/build" M=/tmp/own modules
cp /tmp/own/nvgrace-egm.ko "$own"
touch "/usr/lib/modules/$release"/modules.{order,builtin,builtin.modinfo}
depmod "$release"

listing() {
	find /etc /usr /var -xdev \( -path /usr/src/linux-\* -o -path /var/log -o -path /var/cache -o \
		-path /var/lib/dpkg -o -path "/usr/lib/modules/$release/modules.*" \) -prune -o -print | sort
}

# installed VERSION: both modules, of that version, and modprobe would take them
installed() {
	local module path
	for module in nvgrace-gpu-vfio-pci nvgrace-egm; do
		path=$(modinfo -k "$release" -F filename "$module")
		[[ $path == *"/lib/modules/$release/updates/"* ]] || fail "$module is $path"
		[[ $(modinfo -k "$release" -F version "$module") == "$1" ]] || fail "$module is not $1"
	done
	grep -q '^alias vfio_pci:v000010DEd00002342.* nvgrace_gpu_vfio_pci$' \
		"/usr/lib/modules/$release/modules.alias" || fail "no alias for libvirt"
}

# A udev that says what it was told.
mkdir /run/udev /tmp/bin
perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0) && bind(S, sockaddr_un("/run/udev/control")) or die $!'
printf '#!/bin/sh\necho "$@" >>/tmp/told\n' >/tmp/bin/udevadm
chmod +x /tmp/bin/udevadm
PATH=/tmp/bin:$PATH

# reloaded WHAT: by it, udev knows of the modules at once, not only some seconds later.
reloaded() {
	grep -qx 'control --reload' /tmp/told || fail "$1 does not tell udev"
}

metrics=/var/lib/prometheus/node-exporter
mkdir -p $metrics
listing >/tmp/before
dpkg -i /build/first/{egmctl,nvgrace-egm-dkms}_*.deb
installed "$version"
[[ $(egmctl --version) == "egmctl $version" ]] || fail "egmctl --version"
dpkg --verify egmctl nvgrace-egm-dkms

dpkg -i /build/next/*.deb
installed 99.0.0
[[ $(egmctl --version) == "egmctl 99.0.0" ]] || fail "egmctl --version"
[[ $(dkms status) != *"$version"* ]] || fail "DKMS still has $version"

dpkg -i /build/first/{egmctl,nvgrace-egm-dkms}_*.deb
installed "$version"

# A kernel whose headers are broken: the package is not configured, and says so.
dpkg --remove nvgrace-egm-dkms
mv "/usr/lib/modules/$release/build" /tmp/build
cp -rs "$(realpath /tmp/build)" "/usr/lib/modules/$release/build"
rm "/usr/lib/modules/$release/build/Makefile"
! dpkg -i /build/first/nvgrace-egm-dkms_*.deb || fail "a failed build goes unnoticed"
rm -r "/usr/lib/modules/$release/build"
mv /tmp/build "/usr/lib/modules/$release/build"
rm -f /tmp/told
dpkg --configure -a
reloaded "the package of the modules"
installed "$version"

# gone WHAT: nothing else is there than at the start
gone() {
	rmdir "$place" 2>/dev/null || true
	listing >/tmp/after
	diff /tmp/before /tmp/after || fail "$1 leaves or takes files"
}

# What an administrator enabled outlives an upgrade, not the package.
systemctl enable egmctl-metrics.timer egmctl-validate.service
touch $metrics/egm.prom
dpkg -i /build/first/egmctl_*.deb
systemctl is-enabled egmctl-metrics.timer egmctl-validate.service || fail "an upgrade disables units"
[[ -e $metrics/egm.prom ]] || fail "an upgrade takes the metrics"
dpkg --purge egmctl nvgrace-egm-dkms
rm /var/lib/dkms/mok.*
gone "a removed package"

! cmake --build /build/first --target uninstall || fail "what cpack staged is taken for what was installed"
cmake --install /build/first >/dev/null
[[ $(egmctl --version) == "egmctl $version" ]] || fail "egmctl --version, installed from source"
systemctl enable egmctl-metrics.timer egmctl-validate.service
touch $metrics/egm.prom
cmake --build /build/first --target uninstall
cmake -S /src -B /tmp/modules -DEGM_TOOL=OFF -DKERNEL_DIR="/usr/lib/modules/$release/build"
! cmake --install /tmp/modules --component modules || fail "modules are installed before they are built"
cmake --build /tmp/modules --target modules
rm -f /tmp/told
cmake --install /tmp/modules --component modules
reloaded "an installation from source"
installed "$version"
cmake --build /tmp/modules --target uninstall
[[ $(modinfo -k "$release" -F filename nvgrace-egm) == */kernel/* ]] || fail "depmod has not run again"
gone "an uninstall"
