# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the prompt of tests/vm/run --shell starts with.

# shellcheck source=egm.sh
. /egm/lib/egm.sh

# A failed helper must not end the prompt, and with it the machine.
fail() {
	echo "FAIL: $*" >&2
	return 1
}

cd || return
echo "Host under test, kernel $(uname -r). load_modules, bind_all, egmctl list; exit or Ctrl-A X ends it."
