#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Stock libvirt on an installed host: a domain on the carve-outs of both sockets, with their GPUs, defined
# from what egmctl prints.

set -euo pipefail
# shellcheck source=../e2e/lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=../e2e/lib/installed.sh
. /egm/lib/installed.sh
# shellcheck source=../e2e/lib/domain.sh
. /egm/lib/domain.sh

# qemu_of NAME: its process
qemu_of() {
	cat "/run/libvirt/qemu/$1.pid"
}

ready_for_libvirt
egmctl validate || fail "validate finds fault with the host"

echo "== a domain on each device"
for pxm in 4 5; do
	define grace$pxm egm$pxm
	virsh start grace$pxm
done
for pxm in 4 5; do
	await_domain grace$pxm 900
	grep -q "^guest: node 0: .* written and read back" "$(console_of grace$pxm)" || fail "nothing said of its memory"
	expect "GPUs that the guest has" 2 "$(grep -c '^guest: GPU .* written and read back' "$(console_of grace$pxm)")"
	qemu=$(qemu_of grace$pxm)
	expect "who has egm$pxm" "grace$pxm($qemu)" "$(egmctl list -no USED-BY egm$pxm)"
	expect "user of QEMU" libvirt-qemu "$(stat -c %U "/proc/$qemu")"
	expect "AppArmor's profile of QEMU" "libvirt-$(virsh domuuid grace$pxm | head -n 1) (enforce)" \
		"$(tr -d '\0' <"/proc/$qemu/attr/apparmor/current")"
done

echo "== stopped, and started again at once"
virsh destroy grace4
virsh start grace4
await_domain grace4 900
expect "state of egm5, next to it" in-use "$(</sys/class/egm/egm5/state)"
for pxm in 4 5; do
	virsh destroy grace$pxm
	becomes_idle egm$pxm
	expect "who has egm$pxm" nobody "$(egmctl list -no USED-BY egm$pxm)"
done

# libvirt gives the GPUs to vfio-pci, and the memory goes with the last one, before QEMU can open it. Whoever
# did that has to bind them again.
echo "== managed='yes'"
sed "s/managed='no'/managed='yes'/; s/grace5/managed/" /run/grace5.xml >/run/managed.xml
virsh define /run/managed.xml
if virsh start managed; then
	fail "libvirt can do it: tell vm-config"
fi
[[ ! -e /dev/egm5 ]] || fail "the memory is there without its GPUs"
for address in $(host '.gpus[] | select(.socket == 5).address'); do
	bind "$address"
done
wait_for 60 test -c /dev/egm5
virsh start grace5
await_domain grace5 900
virsh destroy grace5
