#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A module forgets memory: kmemleak finds it when the suite has ended.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

mark_log
insmod "$EGM_MODULES/egm_planted.ko" fault=leak
rmmod egm_planted
