#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The clear on a host with one CPU, which must do with it whatever it is told: clear_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

expect "CPUs" 1 "$(nproc --all)"
load_modules
bind_all
clear_test --gtest_filter='*Threads.*:Clear.EachCpu*:Clear.ProgressIsLive:Clear.EndsWith*'
unload_modules
