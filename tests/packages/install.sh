#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh KERNEL: the modules, installed from source below DESTDIR, and taken away again.
source "$(dirname "$0")/../build/lib.sh"
kernel=$1
release=$(<"${kernel#*:}/include/config/kernel.release")
export DESTDIR=/build/stage

build /src "$kernel" /build/modules "$without_btf"
cmake --install /build/modules --component modules | tee /build/log
grep -qx -- "-- The modules of $release are not signed:.*" /build/log || fail "not a word about signatures"
updates=/build/stage/lib/modules/$release/updates
[[ $(find "$updates" -name "*.ko*" | wc -l) -eq 2 ]] || fail "not two modules: $(find "$updates" -name "*.ko*")"
[[ ! -e /build/stage/lib/modules/$release/modules.dep ]] || fail "depmod ran below DESTDIR"
cmake --build /build/modules --target uninstall
[[ -z $(find /build/stage -type f -o -name '*egm*') ]] || fail "left behind: $(find /build/stage)"
