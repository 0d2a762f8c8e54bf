#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A calls B for us, and B is killed while it has the call: A answers that it
# was lost, which is status 1 and its words; A lives on, and so does whoever
# asked. That we lose A itself is status 3.
. "$(dirname "$0")/lib.sh"

has_call() {
	grep -q "$1" "$dir/$2.err"
}

# ask TARGET: A is to have it sleep; sets $pid.
ask() {
	start env -u WALDO_TRACE "$WALDO_BIN" call "$a/relay" call "$1" \
		sleep 60000 >"$dir/out" 2>"$dir/err"
}

# ends STATUS ERR: within a second from now.
ends() {
	local from
	from=$(now_ms)
	wait "$pid"
	status=$?
	[ $(($(now_ms) - from)) -lt 1000 ] || die "it took more than a second"
	ran="the call under way"
	out=$(<"$dir/out") err=$(<"$dir/err")
	expect "$1" '' "$2"
}

body() {
	ask "@$b/echo"
	wait_for has_call sleep b
	kill -KILL "$b_pid"
	wait "$b_pid" 2>/dev/null
	ends 1 'waldo.Lost: *'

	run env -u WALDO_TRACE "$WALDO_BIN" call "$a/relay" call "@$a/echo" \
		echo 1
	expect 0 '\[1]' ''
	run env -u WALDO_TRACE "$WALDO_BIN" call "$a/relay" call "@$b/echo" \
		echo 1
	expect 3 '' 'waldo: *'

	: >"$dir/a.err"
	ask "@$a/echo"
	wait_for has_call sleep a
	kill -KILL "$a_pid"
	wait "$a_pid" 2>/dev/null
	ends 3 "waldo: $a/relay: *"
}

export WALDO_TRACE=1
for_each_transport_between_two body
finish
