#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# No answer ever: the harness must not wait for ever.

sleep infinity
