#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The suite is content, the kernel is not: the harness must not believe the suite.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

mark_log
echo 'BUG: planted' >/dev/kmsg
