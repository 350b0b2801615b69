# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the build tests share. They run in the testbed's root: the tree is /src, read-only, /build
# is theirs and starts empty. A KERNEL is ARCH:DIRECTORY, where DIRECTORY is a kernel build tree.
set -euo pipefail

fail() {
	echo "FAILED: $*"
	exit 1
}

# kbuild_args KERNEL: what a plain make takes for it, one argument a line
kbuild_args() {
	case ${1%%:*} in
	arm64) printf '%s\n' ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- ;;
	amd64) printf '%s\n' ARCH=x86 ;;
	*) fail "unknown architecture: $1" ;;
	esac
}

# work_dir KERNEL BUILD: where the modules target builds for it
work_dir() {
	local arch
	arch=$(kbuild_args "$1" | sed -n 's/^ARCH=//p')
	echo "$2/kmod/$(<"${1#*:}/include/config/kernel.release")-$arch"
}

# build SOURCE KERNEL BUILD [KBUILD ARGUMENT...]: by the front door; the output is in BUILD.log too
build() {
	local source=$1 kernel=$2 build=$3
	shift 3
	local args=() IFS=';'
	mapfile -t args < <(kbuild_args "$kernel" | sed 's/^/-D/')
	{
		cmake -S "$source" -B "$build" -G Ninja -DEGM_TOOL=OFF -DKERNEL_DIR="${kernel#*:}" \
			"${args[@]}" -DKBUILD_ARGS="$*" >/dev/null &&
			cmake --build "$build" --target modules
	} 2>&1 | tee "$build.log"
}

# BTF takes half of a build's time: for builds whose modules nobody looks at.
# shellcheck disable=SC2034 # used by those who source this
without_btf=CONFIG_DEBUG_INFO_BTF_MODULES=

# complaints LOG: the lines with which a compiler, modpost, kbuild or sparse complains
complaints() {
	# The kernel's BTF tool is no part of what is tested.
	grep -iE '\b(warning|error)\b' "$1" | grep -v 'warning: pahole version differs'
}

# shared_objects WORK: the objects that belong to more than one module
shared_objects() {
	find "$1" -name '*.mod' -exec cat {} + | tr ' ' '\n' | sort | uniq -d | grep .
}

# copy_tree TO: a writable copy of the sources, to plant faults in
copy_tree() {
	mkdir -p "$1"
	cp -r /src/{CHANGELOG.md,CMakeLists.txt,VERSION,Kbuild,include,kmod,packaging} "$1"
	mkdir "$1/tests"
	cp -r /src/tests/kmod "$1/tests"
}

# modules WORK: the modules built there
modules() {
	find "$1" -name '*.ko' | sort
}
