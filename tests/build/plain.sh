#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# plain.sh KERNEL: kernel people need no CMake; `make -C KERNEL M=TREE` builds, and cleans up.
source "$(dirname "$0")/lib.sh"
kernel=$1
mapfile -t args < <(kbuild_args "$kernel")

copy_tree /build/copy
before=$(cd /build/copy && find . -type f | sort)
make -C "${kernel#*:}" M=/build/copy "${args[@]}" modules
[[ $(modules /build/copy | wc -l) -eq 2 ]] || fail "expected two modules: $(modules /build/copy)"
make -C "${kernel#*:}" M=/build/copy "${args[@]}" clean
[[ $(cd /build/copy && find . -type f | sort) == "$before" ]] || fail "clean leaves or takes files"
