#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The clear: what it overwrites and what it spares, by how many threads and where they run, what it says of
# itself, and how it ends before its time: clear_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

load_modules
bind_all
clear_test
unload_modules
