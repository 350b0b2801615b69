#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Properties and tables of retired pages that firmware could never mean, made at random: lib/hostile.py.
# hostile.sh [ROUNDS [SEED]]

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

load_modules
bind "$(gpu 0)"
hostile=$(gpu hostile)
say_ready "$hostile"

# What firmware needs while the host runs, offered to the byte: what it only sets aside would look the same.
kept=0
while read -r base size; do
	insmod "$EGM_MODULES/gpu_properties.ko" address="$hostile" \
		properties="nvidia;egm-base-pa:$base,nvidia;egm-size:$size,nvidia;egm-pxm:5"
	bind "$hostile"
	expect "status of $size bytes of firmware's at $base" "refused reserved" \
		"$(cat "/sys/bus/pci/devices/$hostile/egm/"{status,reason} | xargs)"
	unbind "$hostile"
	rmmod gpu_properties
	kept=$((kept + 1))
done < <(awk -F '[- ]' '/^[0-9a-f]+-[0-9a-f]+ : reserved$/ {
	first = strtonum("0x" $1)
	end = strtonum("0x" $2) + 1
	if (first % 65536 == 0 && end % 65536 == 0)
		print first, end - first
}' /proc/iomem)
((kept > 0)) || fail "firmware keeps nothing: $(grep reserved /proc/iomem)"

reserve "$hostile"
/egm/lib/hostile.py "$hostile" "${1:-100}" "${2:-1}"
expect "regions" egm4 "$(ls /sys/class/egm)"
expect "bytes that are not zero" 0 "$(/egm/lib/device.py nonzero /dev/egm4)"
unbind "$(gpu 0)"
unload_modules
