#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run when egmctl was installed or removed: systemd reads its units, udev its rules, and nodes that are
# there get their group. Nothing is enabled, started or stopped.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if command -v udevadm >/dev/null; then
		udevadm control --reload
		udevadm trigger --action=change --subsystem-match=egm
	fi
fi
