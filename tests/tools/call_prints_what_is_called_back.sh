#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# '@' is an object of the caller's that prints each call; --stay goes on doing
# so until SIGINT, and ends with status 3 if the server goes first.
. "$(dirname "$0")/lib.sh"

has_lines() {
	[ "$(wc -l <"$dir/seen")" -ge "$1" ]
}

body() {
	waldo call "$uri/counter" add 5 >"$dir/before"
	start "$WALDO_BIN" call "$uri/counter" --stay watch @ >"$dir/seen"
	wait_for has_lines 1
	run waldo call "$uri/counter" add 10
	run waldo call "$uri/counter" add -1
	wait_for has_lines 3
	kill -INT "$pid"
	wait "$pid"
	check "status after SIGINT" "$?" 0
	check "what was printed" "$(<"$dir/seen")" \
		'{"$ref": "Subscription#1"}
called changed [15]
called changed [14]'

	# A signal ends a stay also before the last of many calls.
	: >"$dir/seen"
	start "$WALDO_BIN" call --stay --repeat 1000000 "$uri/clock" now \
		>"$dir/seen"
	wait_for has_lines 3
	kill -INT "$pid"
	wait "$pid"
	check "status after SIGINT in the middle" "$?" 0

	# The observer is gone: nobody minds.
	run waldo call "$uri/counter" add 1
	expect 0 15 ''

	start "$WALDO_BIN" call "$uri/counter" watch @ --stay \
		>"$dir/seen" 2>"$dir/err"
	wait_for has_lines 1
}

after() {
	wait "$pid"
	check "status when the server ends" "$?" 3
	check "lines on stderr" "$(wc -l <"$dir/err")" 1
}

for transport in unix:"$dir/socket" tcp-insecure:127.0.0.1:0; do
	start_server --listen "$transport"
	body
	stop_server
	after
done
finish
