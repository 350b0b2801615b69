# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For suites on the image `full`: a host as its owner has it after following egmctl's advice.

# install_egmctl: our package.
install_egmctl() {
	dpkg --install /egm/packages/egmctl_*.deb
	expect "egmctl" /usr/bin/egmctl "$(command -v egmctl)"
}

# install_modules: the files that are cross-built with the suites. DKMS, which builds the same here, has
# suites of its own.
install_modules() {
	local updates
	updates=/lib/modules/$(uname -r)/updates
	mark_log
	mkdir -p "$updates"
	cp "$EGM_MODULES"/nvgrace-{egm,gpu-vfio-pci}.ko "$updates"
	depmod -a
	udevadm control --reload
}

# set_up_host: what egmctl says that a host needs before its first virtual machine.
set_up_host() {
	local step file
	while read -r step; do
		jq -r '"== \(.purpose)", .file // empty, (.lines[] | "    " + .)' <<<"$step"
		file=$(jq -r '.file // empty' <<<"$step")
		if [[ $file ]]; then
			mkdir -p "$(dirname "$file")"
			jq -r '.lines[]' <<<"$step" >>"$file"
		elif ! grep -q SELinux <<<"$step"; then
			bash -e <(jq -r '.lines[]' <<<"$step")
		fi
	done < <(egmctl vm-config --part host-setup -J | jq -c '.host_setup[]')
}

# ready_for_libvirt: ours is installed and libvirt knows of it; needs egm.sh.
ready_for_libvirt() {
	install_egmctl
	install_modules
	modprobe nvgrace-gpu-vfio-pci
	bind_all
	wait_for 60 test -c /dev/egm5
	set_up_host
	systemctl restart libvirtd
	wait_for 60 virsh list
}
