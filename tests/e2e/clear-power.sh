#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Freezing and hibernation, and who opens, clears or waits meanwhile: clear_power_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

load_modules
bind_all
clear_power_test
unload_modules
