#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel dies: the harness must say so.

echo c >/proc/sysrq-trigger
