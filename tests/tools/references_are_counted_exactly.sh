#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The factory's objects live exactly as long as somebody holds them, also if
# the holder is killed.
. "$(dirname "$0")/lib.sh"

counts() {
	[ "$(waldo call "$uri/factory" count)" = "$1" ]
}

# hold N: a process that holds N labels; sets $pid.
hold() {
	: >"$dir/held"
	start "$WALDO_BIN" call --stay --repeat "$1" "$uri/factory" make x \
		>"$dir/held"
	wait_for holds "$1"
}

holds() {
	[ "$(wc -l <"$dir/held")" -eq "$1" ]
}

body() {
	local first second
	run waldo call --repeat 20 "$uri/factory" make x
	wait_for counts 0
	checks=$((checks + 1))

	hold 7
	first=$pid
	hold 3
	second=$pid
	run waldo call "$uri/factory" count
	expect 0 10 ''

	kill -INT "$second"
	wait "$second"
	wait_for counts 7
	kill -KILL "$first"
	wait "$first" 2>/dev/null
	wait_for counts 0
	checks=$((checks + 2))
}

for_each_transport body
finish
