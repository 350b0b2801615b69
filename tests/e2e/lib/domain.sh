# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Domains of libvirt, defined from what egmctl prints for them. Inside is the guest of guest.sh, which says
# on its console, a file, what it finds, and stays.

# define NAME DEVICE: with the memory of a device and with its GPUs.
define() {
	local name=$1 file=/run/$1.xml
	egmctl vm-config -q --format libvirt-qemu "$2" >"$file"
	echo "$file:"
	cat "$file"
	# What egmctl does not print is the same for every machine of libvirt.
	sed -i "/^<domain/a\\
  <name>$name</name>\\
  <os>\\
    <type arch='aarch64' machine='virt'>hvm</type>\\
    <kernel>/var/lib/libvirt/images/vmlinuz</kernel>\\
    <initrd>/var/lib/libvirt/images/initrd</initrd>\\
    <cmdline>console=ttyAMA0 panic=-1 quiet egm.wait</cmdline>\\
  </os>\\
  <features><gic version='3'/></features>\\
  <vcpu>2</vcpu>\\
  <cpu mode='host-passthrough'/>
s|^  <devices>|&\\
    <serial type='file'><source path='$(console_of "$name")'/></serial>|" "$file"
	cp /egm/guest/{vmlinuz,initrd} /var/lib/libvirt/images
	virsh define "$file"
}

# console_of NAME
console_of() {
	echo "/var/log/libvirt/qemu/$1.console"
}

guest_has_spoken() {
	grep -q '^guest: \(ok\|failed\)' "$(console_of "$1")" || [[ $(virsh domstate "$1") != running ]]
}

# await_domain NAME SECONDS: until it has checked its memory; shows what it said.
await_domain() {
	wait_for "$2" guest_has_spoken "$1"
	tr -d '\r' <"$(console_of "$1")" | grep '^guest:' | sed 's/^/    /'
	grep -q '^guest: ok' "$(console_of "$1")" || fail "$1 did not say that its memory is good"
}
