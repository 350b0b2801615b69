#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lintian, rpm, promtool, systemd and AppArmor say of the packages and the files in them.
source "$(dirname "$0")/lib.sh"
packages=/build/first

lintian --allow-root --fail-on error --tag-display-limit 0 $packages/*.deb

for package in $packages/*.rpm; do
	rpm -qp --checksig --nosignature "$package"
	rpm -qp --scripts "$package"
done
rpm -qp --requires $packages/nvgrace-egm-dkms-*.noarch.rpm | grep -qx dkms || fail "the RPM does not need dkms"
rpm -qp --configfiles $packages/egmctl-*.rpm | grep -q /etc/apparmor.d/ || fail "no configuration in the RPM"
# Both kinds have the same files, but for dpkg's documentation.
files() {
	grep -v -e '/$' -e /usr/share/doc/ | sed -e 's/^\.//' -e 's/\.gz$//' | sort
}
for name in egmctl nvgrace-egm-dkms; do
	diff <(dpkg-deb --fsys-tarfile $packages/${name}_*.deb | tar -t | files) \
		<(rpm -qpl --noartifact $packages/$name-[0-9]*.rpm | files) || fail "$name: other files in the RPM"
done
# No script of a package touches what is loaded or bound.
for package in $packages/*.deb; do
	dpkg-deb -e "$package" "/build/control/$(basename "$package")"
done
! { rpm -qp --scripts $packages/*.rpm; cat /build/control/*/p{ost,re}*; } |
	grep -nE 'rmmod|modprobe|insmod|bind|driver_override' || fail "a script loads or unloads"

mkdir /build/root
for package in $packages/*.deb; do
	dpkg-deb -x "$package" /build/root
done
promtool check rules --lint-fatal /build/root/usr/share/egmctl/egm.rules.yml
cp /build/root/usr/share/egmctl/egm.rules.yml /src/tests/packages/egm.test.yml /build/control
promtool test rules /build/control/egm.test.yml

units=/build/root/usr/lib/systemd/system
cp /build/root/usr/bin/egmctl /tmp # systemd looks for the program; /usr is read-only here
sed 's|^ExecStart=|&/tmp/|' $units/egmctl-metrics.service >/tmp/egmctl-metrics.service
sed 's|^ExecStart=|&/tmp/|' $units/egmctl-validate.service >/tmp/egmctl-validate.service
cp $units/nvgrace-egm.target $units/egmctl-metrics.timer /tmp
printf '[Service]\nExecStart=/bin/true\n' >/tmp/libvirtd.service
cp -r $units/libvirtd.service.d /tmp
SYSTEMD_UNIT_PATH=/tmp: systemd-analyze verify --man=no /tmp/*.{service,timer,target}
udevadm verify --no-style /build/root/usr/lib/udev/rules.d/60-nvgrace-egm.rules

printf 'abi <abi/4.0>,\nprofile planted { include "%s" }\n' \
	/build/root/etc/apparmor.d/abstractions/libvirt-qemu.d/nvgrace-egm >/tmp/profile
apparmor_parser --skip-kernel-load --skip-cache --Werror /tmp/profile
echo 'abi <abi/4.0>, profile planted { /dev/egm rw }' >/tmp/profile
! apparmor_parser --skip-kernel-load --skip-cache /tmp/profile || fail "a planted fault in a profile"
