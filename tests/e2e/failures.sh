#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Allocations that fail: failures_test.cpp. failures.sh [FILTER of GoogleTest]

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh

load_modules
bind "$(gpu registers)"
failures_test "--gtest_filter=${1:-*}"
unbind "$(gpu registers)"
unload_modules
