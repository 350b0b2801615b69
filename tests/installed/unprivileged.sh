#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may open a node on an installed host: the group kvm, and so QEMU as the user that libvirt has for it,
# which starts a guest on the carve-out. Nobody else may.

set -euo pipefail
# shellcheck source=../e2e/lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=../e2e/lib/installed.sh
. /egm/lib/installed.sh
# shellcheck source=../e2e/lib/guest.sh
. /egm/lib/guest.sh

install_modules
modprobe nvgrace-gpu-vfio-pci
bind_all
wait_for 60 test -c /dev/egm5
expect "/dev/egm4, without our rule" "root:root 600" "$(stat -c '%U:%G %a' /dev/egm4)"

# The nodes that are there already get their group, too.
install_egmctl
udevadm settle
for device in egm4 egm5; do
	expect "/dev/$device" "root:kvm 660" "$(stat -c '%U:%G %a' /dev/$device)"
	systemctl is-active dev-$device.device || fail "systemd does not know of $device"
done
if runuser -u nobody -- /egm/lib/device.py size /dev/egm4; then
	fail "nobody may look at the node"
fi

qemu=(runuser -u libvirt-qemu -- qemu-system-aarch64)
start_guest
await_guest 900
expect "user of QEMU" libvirt-qemu "$(stat -c %U "/proc/$(pgrep -x qemu-system-aar)")"
stop_guest
becomes_idle egm4
unload_modules
