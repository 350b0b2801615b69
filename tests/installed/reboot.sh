#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An installed host boots: the GPUs are bound and the nodes are there, for the right group, before libvirt
# starts; a domain that libvirt starts by itself runs on the carve-out. The suite starts twice, a file knows
# of the first time.

set -euo pipefail
# shellcheck source=../e2e/lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=../e2e/lib/installed.sh
. /egm/lib/installed.sh
# shellcheck source=../e2e/lib/domain.sh
. /egm/lib/domain.sh

# since_boot UNIT: when it became active, in microseconds
since_boot() {
	systemctl show --value --property ActiveEnterTimestampMonotonic "$1"
}

if [[ ! -e /var/tmp/rebooted ]]; then
	echo "== before the reboot"
	ready_for_libvirt
	define grace egm4
	virsh autostart grace
	touch /var/tmp/rebooted
	/egm/lib/qmp.py set-action '{"reboot": "reset"}'
	systemctl reboot
	sleep 900
	fail "the host runs on"
fi

echo "== after the reboot"
/egm/lib/qmp.py set-action '{"reboot": "shutdown"}'
(($(cut -d. -f1 /proc/uptime) < 900)) || fail "up for too long"
mark_log
for device in egm4 egm5; do
	expect "/dev/$device" "root:kvm 660" "$(stat -c '%U:%G %a' /dev/$device)"
done
for address in $(host '.gpus[].address'); do
	expect "driver of $address" nvgrace_gpu_vfio_pci \
		"$(basename "$(readlink -f "/sys/bus/pci/devices/$address/driver")")"
done
for unit in dev-egm4.device dev-egm5.device; do
	(($(since_boot libvirtd) > $(since_boot $unit))) || fail "libvirtd did not wait for $unit"
	echo "ok: libvirtd started after $unit"
done
wait_for 300 virsh domstate grace
await_domain grace 900
expect "who has egm4" "grace($(</run/libvirt/qemu/grace.pid))" "$(egmctl list -no USED-BY egm4)"
egmctl validate || fail "validate finds fault with the host"
virsh destroy grace
becomes_idle egm4
