#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run before egmctl is removed, not upgraded (dpkg's word, rpm's number): nothing stays enabled that is no
# longer there, and no metrics that nobody writes any more. What cannot be stopped is no reason to stay.
case $1 in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl stop egmctl-metrics.timer egmctl-metrics.service || :
fi
if command -v systemctl >/dev/null; then
	systemctl --quiet disable egmctl-metrics.timer egmctl-validate.service || :
fi
rm -f /var/lib/prometheus/node-exporter/egm.prom
