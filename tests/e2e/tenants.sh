#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nothing that a tenant leaves is ever found by the next one: tenants_test.cpp. tenants.sh [EFFORT]

set -euo pipefail
. /egm/lib/egm.sh

load_modules
bind_all
# A kernel that checks everything takes its time.
case $EGM_KERNEL in
debug-*) effort=1 ;;
*) effort=10 ;;
esac
EGM_EFFORT=${1:-$effort} tenants_test
unload_modules
