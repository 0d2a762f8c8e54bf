#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A is told to stop while it calls B for us: that call is answered, though B
# answers only then; who comes later is refused; A ends well, and B goes on.
. "$(dirname "$0")/lib.sh"

has_call() {
	kill -USR1 "$b_pid"
	grep -q 'sleep of Echo, deferred' "$dir/b.err"
}

refuses() {
	waldo call "$a/echo" echo >"$dir/refused" 2>&1
	[ "$?" -eq 3 ] && [ "$(wc -l <"$dir/refused")" -eq 1 ]
}

body() {
	start "$WALDO_BIN" call "$a/relay" call "@$b/echo" sleep 800 \
		>"$dir/out" 2>"$dir/err"
	wait_for has_call
	kill -TERM "$a_pid"
	wait_for refuses
	checks=$((checks + 1))
	kill -0 "$pid" || die "the call under way has ended too early"
	wait "$pid"
	check "status of the call under way" "$?" 0
	check "its result" "$(<"$dir/out")" null
	wait "$a_pid"
	check "status of A" "$?" 0
	check "what A said, but that it stops" \
		"$(grep -v '^waldo: the node is stopping' "$dir/a.err")" ""
	run waldo call "$b/echo" echo 1
	expect 0 '\[1]' ''
}

for_each_transport_between_two body
finish
