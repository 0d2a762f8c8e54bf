#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# waldo ls, describe and ping, of every spelling of a place.
. "$(dirname "$0")/lib.sh"

list() {
	run waldo ls "$1"
	check "status of ls $1" "$status" 0
	check "ls $1" "$(sort <<<"$out" | xargs)" "clock counter echo factory relay"
}

body() {
	list "$uri"
	list "$uri/"
	list "$uri/counter"
	case $transport in
	unix:*) list "$transport" ;;
	tcp:*)
		run waldo ls --trust "$(waldo key fingerprint)" \
			"tcp:${uri#*@}"
		expect 0 '*counter*' ''
		list "tcp:${uri#*@}"
		;;
	*) list "tcp-insecure:${uri#*//}" ;;
	esac

	run waldo describe "$uri/counter"
	expect 0 'Counter
  add(n: i64) -> i64
  get() -> i64  \[readonly]
  watch(observer: ref) -> ref Subscription' ''
	run waldo describe "$uri/echo"
	expect 0 'Echo
  echo(...) -> list*' ''

	run waldo ping -c 3 -i 0.01 "$uri/clock"
	expect 0 "PING $uri/clock
answer from $uri/clock: seq=1 time=*.??? ms
answer from $uri/clock: seq=2 time=*.??? ms
answer from $uri/clock: seq=3 time=*.??? ms

--- $uri/clock statistics ---
3 sent, 3 answered, 0% lost, time * ms
rtt min/avg/max/mdev = */*/*/* ms" ''

	start "$WALDO_BIN" ping "$uri/clock" >"$dir/out"
	wait_for grep -q seq=1 "$dir/out"
	kill -INT "$pid"
	wait "$pid"
	check "status of ping after SIGINT" "$?" 0
	check "its statistics" "$(grep -c '^1 sent, 1 answered' "$dir/out")" 1
}

for_each_transport body

# One answer is what ping wants, whatever becomes of the server.
start_server
start "$WALDO_BIN" ping -i 0.05 "$uri/clock" >"$dir/out" 2>"$dir/ping.err"
wait_for grep -q seq=1 "$dir/out"
kill -KILL "$server"
wait "$server" 2>/dev/null
wait "$pid"
check "status of ping whose server died" "$?" 0
check "lines on stderr" "$(wc -l <"$dir/ping.err")" 1
finish
