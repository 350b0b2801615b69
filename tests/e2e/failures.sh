#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Allocations that fail: failures_test.cpp. Only the first socket's region is there.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

load_modules
bind "$(gpu registers)"
failures_test
unbind "$(gpu registers)"
unload_modules
