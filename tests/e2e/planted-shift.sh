#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A module shifts by too much: UBSAN reports it.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

mark_log
insmod "$EGM_MODULES/egm_planted.ko" fault=shift
rmmod egm_planted
