#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# source.sh BUILD: a tarball made twice is the same, and the package of the modules made from it, where
# there is no git, has the same bytes as that of the checkout.
set -euo pipefail
tree=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$1
name=nvgrace-egm-$(<"$tree/VERSION")
rm -rf "$build"
options=(-DEGM_TOOL=OFF -DCMAKE_INSTALL_PREFIX=/usr)

cmake -S "$tree" -B "$build/checkout" "${options[@]}"
cmake --build "$build/checkout" --target dist
mv "$build/checkout/$name.tar.gz" "$build"
cmake --build "$build/checkout" --target dist
cmp "$build/checkout/$name.tar.gz" "$build/$name.tar.gz"
tar -xf "$build/$name.tar.gz" -C "$build"
cmake -S "$build/$name" -B "$build/unpacked" "${options[@]}"
for part in checkout unpacked; do
	(cd "$build/$part" && cpack -G DEB)
done
cmp "$build"/{checkout,unpacked}/"nvgrace-egm-dkms_${name##*-}_all.deb"
