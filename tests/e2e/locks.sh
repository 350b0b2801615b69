#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lockdep has met the modules' locks in the order that they are to be taken in, so that whoever takes them
# otherwise is reported (planted-locks): registry, region, then spinlocks; a fault comes with its address space's.

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

# before LOCK LOCK: the second was taken while the first was held, and never the other way round.
before() {
	awk -v first="$1" -v second="$2" '
		/^irq_context/ {split("", place)}
		/^\[/ {
			sub(/^\[[^]]*\] /, "")
			sub(/[#\/].*/, "")
			if ($0 == first && second in place)
				wrong = 1
			if ($0 == second && first in place)
				right = 1
			place[$0]
		}
		END {exit wrong || !right}' /proc/lockdep_chains || fail "$1 is not known to come before $2"
	echo "ok: $1 before $2"
}

load_modules
bind "$(gpu 0)"
actor owner
tell owner open /dev/egm4 rw
tell owner map "$(host '.sockets[0].size')"
tell owner fill 0x5a
tell owner retired
tell owner vfio "$(gpu 0)"
dismiss owner
becomes_idle egm4
cat /sys/class/egm/egm4/{state,retired_pages} >/dev/null
unbind "$(gpu 0)"
expect "regions" "" "$(ls /sys/class/egm)"

region='&region->lock'
before registry_lock "$region"
before '&mm->mmap_lock' "$region"
before "$region" drain_lock
before registry_lock drain_lock
before "$region" drain_flush_lock
before drain_lock '&group->mutex'
before drain_lock egm_host.lock
before "$region" egm_host.lock
before "$region" '&memory->record.poison_lock'
before registry_lock '&egm->gpus_lock'
unload_modules
