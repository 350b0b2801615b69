#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark on the host made of software: tests/bench/run boots it for this.

set -euo pipefail
# shellcheck source=../e2e/lib/egm.sh
. /egm/lib/egm.sh

load_modules
bind_all
rmmod nvgrace_egm
exec /egm/bench/run --native /dev/egm4 --modules "$EGM_MODULES" --guest /egm/guest --output - "$@"
