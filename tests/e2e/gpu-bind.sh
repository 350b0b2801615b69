#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two sockets with two GPUs each come and go in all orders, by all ways that user space has. A socket's node
# is there as long as one of its GPUs is bound, and a GPU in use is left in peace.

set -euo pipefail
# shellcheck source=lib/egm.sh
. /egm/lib/egm.sh
# shellcheck source=lib/actor.sh
. /egm/lib/actor.sh
# shellcheck source=lib/disguise.sh
. /egm/lib/disguise.sh

driver=/sys/bus/pci/drivers/nvgrace_gpu_vfio_pci
devices=/sys/bus/pci/devices

mapfile -t gpus < <(host '.gpus[].address')

# The sockets' GPUs, in the order of their addresses
declare -A of=([4]="${gpus[*]:0:2}" [5]="${gpus[*]:2:2}")

bound() {
	[[ -L $driver/$1 ]]
}

# all_is_well: node by node, what there is follows from who is bound.
all_is_well() {
	local pxm gpu here links
	for pxm in 4 5; do
		here=()
		for gpu in ${of[$pxm]}; do
			if bound "$gpu"; then
				here+=("$gpu")
			fi
		done
		if ((${#here[@]} == 0)); then
			[[ ! -e /dev/egm$pxm && ! -e /sys/class/egm/egm$pxm ]] ||
				fail "egm$pxm is there without a GPU"
			continue
		fi
		[[ -c /dev/egm$pxm ]] || fail "no egm$pxm, although ${here[*]} is bound"
		expect "GPUs of egm$pxm" "${here[*]}" \
			"$(sort "/sys/class/egm/egm$pxm/gpu_devices" | paste -sd ' ')" >/dev/null
		links=("/sys/class/egm/egm$pxm/0000:"*)
		expect "links of egm$pxm" "${here[*]}" "${links[*]##*/}" >/dev/null
		for gpu in "${here[@]}"; do
			[[ -e /sys/class/egm/egm$pxm/$gpu ]] || fail "egm$pxm has a dead link to $gpu"
			expect "$gpu" joined "$(<"$devices/$gpu/egm/status")" >/dev/null
		done
	done
}

# bind_by_hand ADDRESS: with the driver's own file
bind_by_hand() {
	reserve "$1"
	echo "$1" >"$driver/bind"
	bound "$1" || fail "the driver's bind file did not bind $1"
}

load_modules
disguise "${gpus[0]}"
expect "the first GPU" "0x10de 0x2941" "$(<"$devices/${gpus[0]}/vendor") $(<"$devices/${gpus[0]}/device")"
expect "module of the driver" nvgrace_gpu_vfio_pci "$(basename "$(readlink -f $driver/module)")"

# Every order to come in, each with another one to go
mapfile -t orders < <(printf '%s\n' {0..3}' '{0..3}' '{0..3}' '{0..3} | grep -v '\([0-9]\).*\1')
ways=(bind bind_by_hand)
for i in "${!orders[@]}"; do
	for number in ${orders[i]}; do
		"${ways[(i + number) % 2]}" "${gpus[number]}"
		all_is_well
	done
	for number in ${orders[(i * 7 + 5) % ${#orders[@]}]}; do
		unbind "${gpus[number]}"
		all_is_well
	done
done
echo "ok: ${#orders[@]} orders to bind and to unbind"

# Without an override nobody takes a GPU, whatever it is, until its IDs are given to the driver.
for gpu in "${gpus[@]}"; do
	echo "$gpu" >/sys/bus/pci/drivers_probe
	! bound "$gpu" || fail "$gpu was bound although nobody asked for that"
	# A kernel may have a driver for what it really is.
	if [[ -e $devices/$gpu/driver ]]; then
		unbind "$gpu"
	fi
done
say_ready "${gpus[0]}"
echo 10de 2941 >$driver/new_id
bound "${gpus[0]}" || fail "new_id did not bind the GPU that is NVIDIA's"
all_is_well
echo 1234 1111 >$driver/new_id
for gpu in "${gpus[@]}"; do
	bound "$gpu" || fail "new_id did not bind $gpu"
done
all_is_well
echo "ok: new_id"
echo 10de 2941 >$driver/remove_id
echo 1234 1111 >$driver/remove_id
for gpu in "${gpus[@]}"; do
	unbind "$gpu"
	echo "$gpu" >/sys/bus/pci/drivers_probe
	! bound "$gpu" || fail "$gpu was bound although its IDs were taken back"
done
all_is_well
echo "ok: remove_id"

# Whoever owns a region keeps it while its GPUs go and come, one at a time.
bind_all
actor owner
expect "owner: open" ok "$(tell owner open /dev/egm4 rw)"
expect "owner: map" ok "$(tell owner map 4096)"
expect "owner: fill" ok "$(tell owner fill 90)"
for gpu in "${gpus[@]:0:2}"; do
	unbind "$gpu"
	all_is_well
	expect "state without $gpu" in-use "$(</sys/class/egm/egm4/state)"
	expect "owner: what is there without $gpu" 90 "$(tell owner at 0)"
	bind "$gpu"
	all_is_well
done
dismiss owner

# A GPU in use is not taken away; the others of its socket, and of the other one, are not its concern.
for used in 0 1 2; do
	gpu=${gpus[used]}
	actor user
	[[ $(tell user vfio "$gpu") == *:* ]] || fail "user: cannot open $gpu"
	unbind "$gpu" &
	unbinding=$!
	sleep 3
	for other in "${gpus[@]}"; do
		if [[ $other != "$gpu" ]]; then
			unbind "$other"
			bind "$other"
		fi
	done
	kill -0 $unbinding || fail "unbinding $gpu did not wait for its user"
	grep -qx "$gpu" /sys/class/egm/egm*/gpu_devices || fail "$gpu has left its region"
	[[ $(tell user vfio-peek "$gpu" 7 0) == 0x* ]] || fail "user: $gpu is of no use any more"
	expect "user: close $gpu" ok "$(tell user vfio-close "$gpu")"
	wait $unbinding || fail "unbinding $gpu failed"
	all_is_well
	echo "ok: unbinding $gpu waited for its user"
	dismiss user
	bind "$gpu"
done

# Nobody resets this one, and between its users it may have slept without power.
gpu=${gpus[0]}
echo >"$devices/$gpu/reset_method"
actor user
for ready in 0xff 0; do
	say_ready "$gpu" $ready
	tell user vfio "$gpu" >/dev/null
	expect "$gpu: memory on" ok "$(tell user vfio-poke "$gpu" 7 4 2)"
	ask user vfio-peek "$gpu" 4 0
	if ((ready)); then
		answers user 60 || fail "$gpu is ready, and cannot be read"
		expect "user: close $gpu" ok "$(tell user vfio-close "$gpu")"
	else
		! answers user 2 || fail "$gpu was not ready when it was opened: $answer"
		say_ready "$gpu"
		answers user 60 || fail "$gpu is ready now, and cannot be read"
	fi
	[[ $answer == 0x* ]] || fail "memory of $gpu: $answer"
done
echo "ok: $gpu is looked at when it is opened"
dismiss user
for gpu in "${gpus[@]}"; do
	unbind "$gpu"
done
undisguise "${gpus[0]}"
unload_modules

# What tools read to find the driver for a GPU: one line for each that we know, none for anything else, and
# the kernel's own copy of the module is out of sight.
module=$EGM_MODULES/nvgrace-gpu-vfio-pci.ko
expect "aliases" "$(printf 'vfio_pci:v000010DEd0000%ssv*sd*bc*sc*i*\n' 2342 2345 2348 2941 31C2)" \
	"$(modinfo -F alias "$module" | sort)"
tree=/tmp/depmod/lib/modules/$EGM_RELEASE
mkdir -p "$tree/updates" "$tree/kernel/drivers/vfio/pci/nvgrace-gpu"
cp "/lib/modules/$EGM_RELEASE/modules."{builtin,builtin.modinfo,order} "$tree"
cp "$module" "$tree/updates"
cp "$EGM_MODULES/egm_planted.ko" "$tree/kernel/drivers/vfio/pci/nvgrace-gpu/${module##*/}"
depmod --basedir /tmp/depmod "$EGM_RELEASE"
expect "modules that depmod knows" "updates/${module##*/}" "$(cut -d: -f1 "$tree/modules.dep")"
expect "whom modules.alias names for GPUs" nvgrace_gpu_vfio_pci \
	"$(awk '/^alias vfio_pci:/ {print $3}' "$tree/modules.alias" | sort -u)"
expect "GPUs in modules.alias" 5 "$(grep -c '^alias vfio_pci:' "$tree/modules.alias")"
expect "whom a GB200 gets" nvgrace_gpu_vfio_pci \
	"$(modprobe --dirname /tmp/depmod --resolve-alias vfio_pci:v000010DEd00002941sv000010DEsd00002046bc03sc02i00)"
