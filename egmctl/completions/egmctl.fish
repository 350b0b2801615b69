# SPDX-License-Identifier: GPL-2.0-or-later

set -l commands list info retired-pages validate vm-config watch metrics

function __egmctl_devices
	egmctl list -qnro DEVICE 2>/dev/null | string replace /dev/ ''
end

complete -c egmctl -f
complete -c egmctl -s J -l json -d 'Print JSON'
complete -c egmctl -s b -l bytes -d 'Print sizes in bytes'
complete -c egmctl -s o -l output -x -d 'Columns of a table'
complete -c egmctl -s n -l noheadings -d 'Print no headings'
complete -c egmctl -s r -l raw -d 'One space between columns'
complete -c egmctl -s q -l quiet -d 'Results and errors only'
complete -c egmctl -s v -l verbose -d 'Say more'
complete -c egmctl -l sysroot -x -a '(__fish_complete_directories)' -d 'Look at another system tree'
complete -c egmctl -s h -l help -d 'Print help'

set -l none "not __fish_seen_subcommand_from $commands"
complete -c egmctl -n $none -s V -l version -d 'Print the version'
complete -c egmctl -n $none -a list -d 'List the EGM devices'
complete -c egmctl -n $none -a info -d 'Show all that is known'
complete -c egmctl -n $none -a retired-pages -d 'List bad memory'
complete -c egmctl -n $none -a validate -d 'Check whether the host is ready for VMs'
complete -c egmctl -n $none -a vm-config -d 'Print what a VM needs'
complete -c egmctl -n $none -a watch -d 'Say what happens'
complete -c egmctl -n $none -a metrics -d 'Print what Prometheus reads'
complete -c egmctl -n '__fish_seen_subcommand_from list info retired-pages vm-config watch metrics' -a '(__egmctl_devices)'

set -l validate '__fish_seen_subcommand_from validate'
complete -c egmctl -n $validate -l check -x -a '(egmctl validate --list-checks -nro ID)'
complete -c egmctl -n $validate -l skip -x -a '(egmctl validate --list-checks -nro ID)'
complete -c egmctl -n $validate -l strict -d 'A WARN is a failure'
complete -c egmctl -n $validate -l list-checks -d 'List the checks'
complete -c egmctl -n $validate -l format -x -a 'text json nagios'
complete -c egmctl -n $validate -l kernel -x -a '(command ls /lib/modules)'
complete -c egmctl -n $validate -l vm-user -x -a '(__fish_complete_users)'
complete -c egmctl -n $validate -l qemu -r -F

set -l vm '__fish_seen_subcommand_from vm-config'
complete -c egmctl -n $vm -l format -x -a 'qemu libvirt libvirt-qemu'
complete -c egmctl -n $vm -l part -x -a 'all memory gpu host-setup'
complete -c egmctl -n $vm -l gpus -x -a '(egmctl list -qnro GPUS | string split ,)'
complete -c egmctl -n $vm -l partial -d 'Fewer GPUs are meant'
complete -c egmctl -n $vm -l cpus -x
complete -c egmctl -n $vm -l qemu -r -F

set -l watch '__fish_seen_subcommand_from watch'
complete -c egmctl -n $watch -l until -x -a 'added removed state poison gpu-added gpu-removed state=idle state=clearing state=in-use state=draining'
complete -c egmctl -n $watch -l timeout -x

complete -c egmctl -n '__fish_seen_subcommand_from metrics' -l to -r -F
complete -c egmctl -n '__fish_seen_subcommand_from metrics' -l with-validate -d 'Add the checks'
