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
say_ready "$(gpu hostile)"
reserve "$(gpu hostile)"
/egm/lib/hostile.py "$(gpu hostile)" "${1:-100}" "${2:-1}"
expect "regions" egm4 "$(ls /sys/class/egm)"
expect "bytes that are not zero" 0 "$(/egm/lib/device.py nonzero /dev/egm4)"
unbind "$(gpu 0)"
unload_modules
