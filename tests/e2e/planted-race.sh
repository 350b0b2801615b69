#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two threads of a module change a number without a lock: KCSAN reports it.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

mark_log
insmod "$EGM_MODULES/egm_planted.ko" fault=race
rmmod egm_planted
