#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each sanitizer sees the fault that is for it, in a process whose end nobody looks at; and so does
# fuzzing. A program without a fault is let through.
set -euo pipefail

fail() {
	echo "FAILED: $*"
	exit 1
}

# sees FAULT WORDS
sees() {
	local said
	if said=$(/src/tests/sanitize/run sh -c "/build/tests/sanitize/planted $1 2>/dev/null || true" 2>&1); then
		fail "a planted $1 goes unnoticed"
	fi
	echo "$said"
	grep -q "$2" <<<"$said" || fail "a planted $1 is called something else"
}

sees overrun 'AddressSanitizer: heap-buffer-overflow'
sees overflow 'signed integer overflow'
sees leak 'LeakSanitizer: detected memory leaks'
sees assertion 'AddressSanitizer: ABRT'
/src/tests/sanitize/run true || fail "a program without a fault is called faulty"

rm -rf /build/found/planted
! /src/tests/fuzz/run planted -seed=1 -runs=1000000 || fail "fuzzing does not find a planted fault"
compgen -G '/build/found/planted/crash-*' >/dev/null || fail "the input that does harm is not kept"
