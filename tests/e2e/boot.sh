#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The testbed keeps its word: the host that came up is the one that was described. No module of ours.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

expect "kernel" "$EGM_RELEASE" "$(uname -r)"
expect "/dev is the kernel's own" devtmpfs "$(findmnt -no FSTYPE /dev)"
case $EGM_KERNEL in
*-64k) page=65536 ;;
*-16k) page=16384 ;;
*) page=4096 ;;
esac
expect "page size" "$page" "$(page_size)"

# System RAM starts at the bottom and, `reserved` pieces aside, ends where the hidden memory begins.
hidden=$(host .hidden)
ends=$(awk -F'[- ]' '/^[0-9a-f].* : System RAM/ {print $2}' /proc/iomem)
grep -qx "$(printf %x $((hidden - 1)))" <<<"$ends" ||
	fail "no System RAM ends at $(printf %#x $((hidden - 1))): $ends"
echo "ok: visible memory ends at $(printf %#x "$hidden")"

# What firmware says reached the kernel whole, and every GPU has the ACPI node that carries it.
if [[ $(host '[.gpus[] | select(.properties != {})] | length') != 0 ]]; then
	cmp /egm/ssdt.aml /sys/firmware/acpi/tables/SSDT* || fail "the SSDT in use is not ours"
	echo "ok: the SSDT is in use"
fi
while read -r address path; do
	expect "$address in ACPI" "$path" "$(cat "/sys/bus/pci/devices/$address/firmware_node/path")"
done < <(host '.gpus[] | "\(.address) \(.acpi)"')
if dmesg | grep -E 'ACPI.*(Error|Exception)'; then
	fail "ACPI complained"
fi

# Words preset in hidden memory outlived the firmware.
while read -r at word; do
	expect "memory at $at" "$word" "$(busybox devmem "$at" 64 | tr 'A-F' 'a-f')"
done < <(jq -r '.bytes[] | .at as $at | .u64 | to_entries[] | "\($at + 8 * .key) \(.value)"' "$EGM_HOST" |
	while read -r at word; do printf '%#x 0x%016x\n' "$at" "$word"; done)

modprobe -a vfio-pci vfio_iommu_type1
[[ -c /dev/kvm ]] || fail "no /dev/kvm"
echo "ok: KVM is there"

# Up to 6.12, a function has no IOMMU group before it has a driver.
while read -r address; do
	bind "$address" vfio-pci
	expect "functions in the IOMMU group of $address" 1 \
		"$(find "/sys/bus/pci/devices/$address/iommu_group/devices/" -type l | wc -l)"
	unbind "$address"
done < <(host '(.gpus + .devices)[].address')
