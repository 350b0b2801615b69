#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Nothing that a tenant leaves is ever found by the next one: tenants_test.cpp.

set -euo pipefail
. /egm/lib/egm.sh

load_modules
bind_all
tenants_test
unload_modules
