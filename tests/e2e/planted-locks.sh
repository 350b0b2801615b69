#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A module takes two locks in both orders: lockdep reports it, although nothing ever waits.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

mark_log
insmod "$EGM_MODULES/egm_planted.ko" fault=locks
rmmod egm_planted
