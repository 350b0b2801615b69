# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of packages share. The tree is /src, /build is theirs.
set -euo pipefail

fail() {
	echo "FAILED: $*"
	exit 1
}

# packages SOURCE BUILD [OPTION OF CMAKE...]: leaves the .debs in BUILD
packages() {
	local source=$1 build=$2
	shift 2
	cmake -S "$source" -B "$build" -G Ninja -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=/usr "$@" >/dev/null
	cmake --build "$build"
	(cd "$build" && cpack -G DEB)
}
