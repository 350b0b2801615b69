#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Memory outlives a reset of the host, and a secret in it too: the first owner afterwards finds nothing of
# it. The suite starts twice; a word in hidden memory, that the firmware leaves alone, knows of the first
# time.

set -euo pipefail
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh

base=$(host '.sockets[1].base')
size=$(host '.sockets[1].size')
node=/dev/egm$(host '.sockets[1].pxm')
retired=$(host '.sockets[1] | [.retired.pages[] - .base] | join(" ")')
memo=$((base + size + 0x1000000))

# physical OFFSET: what is there, whoever has left it
physical() {
	busybox devmem "$((base + $1))" 64
}

# secret_everywhere: in one word of each MiB
secret_everywhere() {
	local offset
	for ((offset = 0x20000; offset < size; offset += 0x100000)); do
		[[ $(physical "$offset") == 0x5A5A5A5A5A5A5A5A ]] || fail "no secret at $offset: $(physical "$offset")"
	done
	echo "ok: the secret is in memory"
}

# own: maps all of the region
own() {
	actor owner
	expect "open" ok "$(tell owner open "$node" rw)"
	expect "map" ok "$(tell owner map "$size")"
}

if [[ $(busybox devmem "$memo" 64) != 0x0000000000000E6D ]]; then
	echo "== before the reset"
	load_modules
	bind_all
	own
	expect "fill" ok "$(tell owner fill 0x5a)"
	busybox devmem "$memo" 64 0xe6d
	/egm/lib/qmp.py set-action '{"reboot": "reset"}'
	# With the owner at it.
	/egm/lib/qmp.py system_reset &
	sleep 60
	fail "the host runs on"
fi

echo "== after the reset"
busybox devmem "$memo" 64 0
/egm/lib/qmp.py set-action '{"reboot": "shutdown"}'
(($(cut -d. -f1 /proc/uptime) < 300)) || fail "up for too long"
mark_log
secret_everywhere
load_modules
bind_all
own
# What firmware retired is spared, and nothing else.
expect "bytes that are not zero" $((0x10000 * $(wc -w <<<"$retired"))) "$(tell owner nonzero)"
for offset in $retired; do
	expect "first byte of the retired granule at $offset" 90 "$(tell owner at "$offset")"
	expect "last byte of it" 90 "$(tell owner at $((offset + 0xffff)))"
done
dismiss owner
unload_modules
expect "what is in memory" 0x0000000000000000 "$(physical 0x20000)"
