#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A deadline ends the call at the callee too, in time, also when the caller
# has been stopped and cannot say so.
. "$(dirname "$0")/lib.sh"

margin_ms=50
timeout_ms=500

cancelled() {
	[ "$(waldo call "$uri/clock" cancelled)" = "$1" ]
}


# What a call costs here, process and all: the measure of our own delays.
call_ms() {
	local from
	from=$(now_ms)
	cancelled 0
	echo $(($(now_ms) - from))
}

# The call was sent after $1; now the callee has been seen to give it up.
check_time() {
	local ms=$(($(now_ms) - $1))
	[ "$ms" -ge "$timeout_ms" ] || die "cancelled after $ms ms already"
	[ "$ms" -le $((timeout_ms + margin_ms + 2 * cost_ms)) ] ||
		die "cancelled after $ms ms (a call takes $cost_ms ms)"
	checks=$((checks + 1))
}

start_sleeper() {
	from=$(now_ms)
	start "$WALDO_BIN" call --timeout 0.5 "$uri/echo" sleep 60000 \
		2>"$dir/sleeper.err"
}

body() {
	cost_ms=$(call_ms)

	start_sleeper
	wait_for cancelled 1
	check_time "$from"
	wait "$pid"
	check "status of the caller" "$?" 4

	start_sleeper
	sleep 0.25
	kill -STOP "$pid"
	wait_for cancelled 2
	check_time "$from"
	kill -CONT "$pid"
	wait "$pid"
	check "status of the caller that was stopped" "$?" 4

	run waldo call "$uri/clock" cancelled
	expect 0 2 ''
}

for_each_transport body
finish
