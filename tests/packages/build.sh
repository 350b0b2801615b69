#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All packages, built twice: the same bytes, wherever the tree is and whoever may write to it.
# /build/first has them, /build/next those of a later version.
source "$(dirname "$0")/lib.sh"
find /build -mindepth 1 -delete

packages /src /build/first
(cd /build/first && cpack -G RPM)

mkdir /build/tree
cp -r /src/{CHANGELOG.md,CMakeLists.txt,Kbuild,LICENSE,VERSION,egmctl,include,kmod,packaging} /build/tree
chmod -R g+w /build/tree
packages /build/tree /build/second
(cd /build/second && cpack -G RPM)
cd /build/first
packages=(*.deb *.rpm)
[[ ${#packages[@]} -eq 4 ]] || fail "not four packages: ${packages[*]}"
for package in "${packages[@]}"; do
	cmp "$package" "/build/second/$package" || fail "$package: another build differs"
done

echo 99.0.0 >/build/tree/VERSION
sed -i "0,/^## /s/^## .*/## 99.0.0 (2030-01-01)\n\n&/" /build/tree/CHANGELOG.md
packages /build/tree /build/next
