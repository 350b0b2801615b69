# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Processes that a suite gives orders to: programs that read lines and answer each by a line, `actor`
# first of all (its orders: tests/e2e/programs/actor.cpp).

declare -A actor_pid actor_in actor_out

# actor NAME [COMMAND...]: starts it.
actor() {
	local name=$1 directory=/run/actor.$1 fd
	shift
	mkdir "$directory"
	mkfifo "$directory/in" "$directory/out"
	(
		# What is meant for the others must end when we close it.
		for fd in "${actor_in[@]}" "${actor_out[@]}"; do
			exec {fd}>&-
		done
		exec "${@:-actor}"
	) <"$directory/in" >"$directory/out" &
	actor_pid[$name]=$!
	exec {fd}>"$directory/in"
	actor_in[$name]=$fd
	exec {fd}<"$directory/out"
	actor_out[$name]=$fd
	rm -r "$directory"
}

# ask NAME ORDER...: gives an order; the answer is fetched later.
ask() {
	echo "${*:2}" >&"${actor_in[$1]}"
}

# answers NAME SECONDS: whether an answer comes within that time; it is then in $answer.
answers() {
	IFS= read -r -t "$2" -u "${actor_out[$1]}" answer
}

# tell NAME ORDER...: prints the answer.
tell() {
	local answer
	ask "$@"
	answers "$1" 120 || answer="no answer from $1"
	echo "$answer"
}

# hang_up ARRAY NAME: closes one side of it.
hang_up() {
	local -n descriptors=$1
	local fd=${descriptors[$2]}
	exec {fd}>&-
	unset "descriptors[$2]"
}

# dismiss NAME: it ends by itself, and closes all that it has open.
dismiss() {
	hang_up actor_in "$1"
	wait "${actor_pid[$1]}" || fail "$1 ended with $?"
	hang_up actor_out "$1"
}

# kill_actor NAME: SIGKILL.
kill_actor() {
	kill -KILL "${actor_pid[$1]}"
	{ wait "${actor_pid[$1]}" || true; } 2>/dev/null
	hang_up actor_in "$1"
	hang_up actor_out "$1"
}

# race_removal ROUNDS AUX NODE [BYTES]: somebody maps, reads and forks while the device AUX is unbound.
# Nothing is to be readable after that, in no mapping and in no child.
race_removal() {
	local driver=/sys/bus/auxiliary/drivers/nvgrace_egm.egm
	local round readable mappings children all_mappings=0 all_children=0 together sooner
	for ((round = 0; round < $1; round++)); do
		# In each second round, removal takes the CPU from whoever lets it go on: in the midst of mmap().
		together=() sooner=()
		if ((round % 2)); then
			together=(taskset -c 1) sooner=(chrt -f 1)
		fi
		actor racer "${together[@]}" mmap_race "${@:3}"
		answers racer 60 || fail "the racer does not start"
		expect "racer" ready "$answer"
		sleep "0.0$((RANDOM % 90 + 10))"
		"${together[@]}" "${sooner[@]}" tee "$driver/unbind" <<<"$2" >/dev/null
		read -r mappings children readable <<<"$(tell racer gone)"
		[[ $readable == 0 ]] || fail "round $round: $mappings $children $readable"
		all_mappings=$((all_mappings + mappings))
		all_children=$((all_children + children))
		dismiss racer
		echo "$2" >"$driver/bind"
	done
	((all_children > 0)) || fail "no child was forked in any round"
	echo "ok: removal won all rounds against $all_mappings mappings and $all_children children"
}
