#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A deadline ends the call at the callee too, in time, also when the caller
# has been stopped and cannot say so.
. "$(dirname "$0")/lib.sh"

margin_ms=50
timeout_ms=500

# A machine that is busy may be late once; who is late each time is late.
tries=10

cancelled() {
	[ "$(waldo call "$uri/clock" cancelled)" = "$1" ]
}

# What a call costs here, process and all: the measure of our own delays.
call_ms() {
	local from
	from=$(now_ms)
	cancelled "$count"
	echo $(($(now_ms) - from))
}

# Has a call be given up by the callee, with the caller stopped meanwhile if
# $1 says so; sets $ms to the time from before it left until that was seen.
give_up_once() {
	local from stopped_ms=0
	from=$(now_ms)
	start "$WALDO_BIN" call --timeout 0.5 "$uri/echo" sleep 60000 \
		2>"$dir/sleeper.err"
	if [ "$1" = stopped ]; then
		sleep 0.25
		kill -STOP "$pid"
		stopped_ms=$(($(now_ms) - from))
	fi
	count=$((count + 1))
	wait_for cancelled "$count"
	ms=$(($(now_ms) - from))
	[ "$1" != stopped ] || kill -CONT "$pid"
	wait "$pid"
	check "status of the caller" "$?" 4
	[ "$ms" -ge "$timeout_ms" ] || die "cancelled after $ms ms already"
	# Stopped too late it may have said so.
	[ "$stopped_ms" -lt "$timeout_ms" ] || ms=$((ms + 60000))
}

give_up() {
	local try cost all=""
	for ((try = 0; try < tries; try++)); do
		cost=$(call_ms)
		give_up_once "$1"
		if [ "$ms" -le $((timeout_ms + margin_ms + 2 * cost)) ]; then
			checks=$((checks + 1))
			return
		fi
		all="$all $ms ($cost)"
	done
	die "$1: cancelled after, in ms (and what a call takes):$all"
}

body() {
	count=0
	give_up running
	give_up stopped
	run waldo call "$uri/clock" cancelled
	expect 0 "$count" ''
}

for_each_transport body
finish
