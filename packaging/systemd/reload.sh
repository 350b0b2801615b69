#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run when egmctl was installed or removed: systemd reads its units, udev its rules, and nodes that are
# there get their group. Nothing is enabled, started or stopped. A container may refuse each of that,
# which is no reason not to install.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
fi
if [ -S /run/udev/control ]; then
	udevadm control --reload || :
	udevadm trigger --action=change --subsystem-match=egm || :
fi
