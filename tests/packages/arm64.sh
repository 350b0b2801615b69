#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The .deb of egmctl for Grace, cross-built: /build/arm64 has it.
source "$(dirname "$0")/lib.sh"
find /build -mindepth 1 -delete

packages /src /build/arm64 -DCMAKE_TOOLCHAIN_FILE=/src/tests/vm/aarch64.cmake
package=(/build/arm64/egmctl_*_arm64.deb)
[[ $(dpkg-deb --field "${package[0]}" Architecture) == arm64 ]] || fail "not for arm64"
[[ $(dpkg-deb --field "${package[0]}" Depends) == *libudev1* ]] || fail "libudev1 is not among what it needs"
dpkg-deb -x "${package[0]}" /tmp/unpacked
file /tmp/unpacked/usr/bin/egmctl | grep -q 'ARM aarch64.*stripped' || fail "the program is another one"
