# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

_egmctl() {
	# As typed: bash breaks words at ':' and '=', which addresses and states have in them. The dot
	# is for a word that has not begun.
	local typed
	read -ra typed <<<"${COMP_LINE:0:COMP_POINT}."
	local word=${typed[-1]%.} previous=${typed[-2]}
	local global='-J --json -b --bytes -o --output -n --noheadings -r --raw -q --quiet -v --verbose --sysroot -h --help'
	local command='' argument words=''
	for argument in "${typed[@]:1:${#typed[@]}-2}"; do
		case $argument in
		list | info | retired-pages | validate | vm-config | watch | metrics) command=$argument ;;
		esac
	done

	case $command:$previous in
	*:--sysroot) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
	*:--to | *:--qemu) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
	*:--check | *:--skip) words=$(egmctl validate --list-checks -nro ID 2>/dev/null) ;;
	validate:--format) words='text json nagios' ;;
	validate:--vm-user) mapfile -t COMPREPLY < <(compgen -u -- "$word"); return ;;
	validate:--kernel) words=$(cd /lib/modules 2>/dev/null && echo *) ;;
	vm-config:--format) words='qemu libvirt libvirt-qemu' ;;
	vm-config:--part) words='all memory gpu host-setup' ;;
	vm-config:--gpus) words=$(egmctl list -qnro GPUS 2>/dev/null | tr ',' '\n') ;;
	watch:--until) words='added removed state poison gpu-added gpu-removed state=idle state=clearing state=in-use state=draining' ;;
	:*) words="list info retired-pages validate vm-config watch metrics $global -V --version" ;;
	*)
		words=$global
		case $command in
		validate) words+=' --check --skip --strict --list-checks --format --kernel --vm-user --qemu' ;;
		vm-config) words+=' --format --part --gpus --partial --cpus --qemu' ;;
		watch) words+=' --until --timeout' ;;
		metrics) words+=' --to --with-validate' ;;
		esac
		if [[ $command != validate && $word != -* ]]; then
			words=$(egmctl list -qnro DEVICE 2>/dev/null)
			[[ $word == /* ]] || words=${words//\/dev\//}
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	# What stands before a break is not bash's to replace.
	COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*[:=]}"}"}")
}
complete -F _egmctl egmctl
