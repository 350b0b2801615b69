#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lintian, rpm, promtool, systemd and AppArmor say of the packages and the files in them.
source "$(dirname "$0")/lib.sh"
cd /build/first

lintian --allow-root --fail-on error --tag-display-limit 0 ./*.deb

for package in *.rpm; do
	rpm --checksig --nosignature "$package"
	rpm -qp --scripts "$package"
done
rpm -qp --requires nvgrace-egm-dkms-*.noarch.rpm | grep -qx dkms || fail "the RPM does not need dkms"
rpm -qp --configfiles egmctl-*.rpm | grep -q /etc/apparmor.d/ || fail "no configuration in the RPM"
! rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' ./*.rpm | grep '^d' |
	grep -v -e egm -e '\.service\.d$' || fail "somebody else's directory in an RPM"
# Both kinds have the same files, but for dpkg's documentation.
files() {
	grep -v -e '^d' -e /usr/share/doc/ | sed -E -e 's,^[^ ]+( .*)?[ .]/,/,' -e 's/\.gz$//' | sort
}
for name in egmctl nvgrace-egm-dkms; do
	diff <(dpkg-deb -c ${name}_*.deb | files) \
		<(rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' $name-[0-9]*.rpm | files) || fail "$name: other files in the RPM"
done
mkdir /tmp/control
# No script of a package touches what is loaded or bound.
for package in *.deb; do
	dpkg-deb -e "$package" "/tmp/control/$(basename "$package")"
done
! { rpm -qp --scripts ./*.rpm; cat /tmp/control/*/p{ost,re}*; } |
	grep -nE 'rmmod|modprobe|insmod|bind|driver_override' || fail "a script loads or unloads"

mkdir /tmp/root
for package in *.deb; do
	dpkg-deb -x "$package" /tmp/root
done
promtool check rules --lint-fatal /tmp/root/usr/share/egmctl/egm.rules.yml
cp /tmp/root/usr/share/egmctl/egm.rules.yml /src/tests/packages/egm.test.yml /tmp/control
promtool test rules /tmp/control/egm.test.yml

units=/tmp/root/usr/lib/systemd/system
cp /tmp/root/usr/bin/egmctl /tmp # systemd looks for the program; /usr is read-only here
sed 's|^ExecStart=|&/tmp/|' $units/egmctl-metrics.service >/tmp/egmctl-metrics.service
sed 's|^ExecStart=|&/tmp/|' $units/egmctl-validate.service >/tmp/egmctl-validate.service
cp $units/nvgrace-egm.target $units/egmctl-metrics.timer /tmp
printf '[Service]\nExecStart=/bin/true\n' >/tmp/libvirtd.service
cp -r $units/libvirtd.service.d /tmp
# It complains without failing.
complaints() {
	SYSTEMD_UNIT_PATH=/tmp: systemd-analyze verify --man=no /tmp/*.{service,timer,target} 2>&1
}
found=$(complaints)
[[ -z $found ]] || fail "systemd: $found"
echo 'Planted=yes' >>/tmp/libvirtd.service.d/10-nvgrace-egm.conf
[[ $(complaints) == *Planted* ]] || fail "a planted fault in a drop-in"

rules=/tmp/root/usr/lib/udev/rules.d/60-nvgrace-egm.rules
udevadm verify --no-style $rules
echo 'PLANTED=="yes"' >>$rules
! udevadm verify --no-style $rules || fail "a planted fault in a rule"

printf 'abi <abi/4.0>,\nprofile planted { include "%s" }\n' \
	/tmp/root/etc/apparmor.d/abstractions/libvirt-qemu.d/nvgrace-egm >/tmp/profile
apparmor_parser --skip-kernel-load --skip-cache --Werror /tmp/profile
echo 'abi <abi/4.0>, profile planted { /dev/egm rw }' >/tmp/profile
! apparmor_parser --skip-kernel-load --skip-cache /tmp/profile || fail "a planted fault in a profile"
