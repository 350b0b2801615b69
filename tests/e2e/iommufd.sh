#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# iommufd cannot pin memory without struct pages: QEMU stops before a guest that is given a GPU that way
# starts, says why, and leaves nothing behind. By type1, on the same kernel, it works: guest.sh. Debian's
# kernels have no iommufd.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/guest.sh
. /egm/lib/guest.sh

[[ -c /dev/iommu ]] || fail "this kernel has no iommufd"
load_modules
bind_all
used=$(gpu 0)

[[ -c /dev/vfio/devices/$(basename /sys/bus/pci/devices/"$used"/vfio-dev/*) ]] ||
	fail "$used has no node that iommufd takes"
start_guest -object iommufd,id=iommufd -device "vfio-pci,host=$used,iommufd=iommufd"
if timeout 120 tail --pid="$guest_pid" -f /dev/null; then
	! wait "$guest_pid" || fail "QEMU ended as if all were well"
else
	fail "QEMU goes on, with memory that iommufd cannot pin: $(cat "$guest_log")"
fi
cat "$guest_log"
grep -q 'vfio_container_dma_map(.*) = -22 (Invalid argument)' "$guest_log" ||
	fail "QEMU does not say that mapping for DMA failed"
trap - EXIT
echo "ok: QEMU says that mapping for DMA failed"
for pxm in $(host '.sockets[].pxm'); do
	becomes_idle "egm$pxm"
done
unload_modules
