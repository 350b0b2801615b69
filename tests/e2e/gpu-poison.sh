#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A GPU's memory that fails: gpu_poison_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

# Which kernels tell drivers of memory without struct pages
if grep -q ' register_pfn_address_space$' /proc/kallsyms; then
	others=NotTold
else
	others=Told
fi

load_modules
bind_all
gpu_poison_test --gtest_filter="-*/$others.*"
unload_modules
