#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The caller's deadline goes along to the third process, less what was used: it
# is told of it, and keeps it also when nobody else is left to say so.
. "$(dirname "$0")/lib.sh"

margin_ms=400
timeout_ms=500

cancelled() {
	[ "$(env -u WALDO_TRACE "$WALDO_BIN" call "$b/clock" cancelled)" = "$1" ]
}

call_ms() {
	local from
	from=$(now_ms)
	cancelled 0
	echo $(($(now_ms) - from))
}

# left FILE METHOD PATTERN: the milliseconds that the CALL of METHOD has left.
left() {
	grep -- "$2" "$dir/$1" | sed -n 's|.*{0=>\([0-9]*\).*|\1|p' |
		head -n 1
}

is_called() {
	grep -q '< CALL.*"sleep"' "$dir/b.err"
}

body() {
	local from ms cost asked passed seen
	cost=$(call_ms)
	: >"$dir/a.err"
	: >"$dir/b.err"
	from=$(now_ms)
	start env WALDO_TRACE=1 "$WALDO_BIN" call --timeout 0.5 "$a/relay" \
		call "@$b/echo" sleep 60000 >"$dir/out" 2>"$dir/c.err"
	wait_for is_called
	kill -STOP "$a_pid" "$pid" # nobody can cancel
	wait_for cancelled 1
	ms=$(($(now_ms) - from))
	[ "$ms" -ge "$timeout_ms" ] || die "B gave up after $ms ms already"
	[ "$ms" -le $((timeout_ms + margin_ms + 3 * cost)) ] ||
		die "B gave up after $ms ms (a call takes $cost ms)"
	checks=$((checks + 1))

	asked=$(left a.err '< CALL.*"call"')
	passed=$(left a.err '> CALL.*"sleep"')
	seen=$(left b.err '< CALL.*"sleep"')
	[ "${asked:-0}" -gt 0 ] && [ "$asked" -le "$timeout_ms" ] &&
		[ "${passed:-0}" -gt 0 ] && [ "$passed" -le "$asked" ] &&
		[ "${seen:-0}" -gt 0 ] && [ "$seen" -le "$passed" ] ||
		die "told were $asked, $passed and $seen ms"
	checks=$((checks + 3))

	kill -CONT "$a_pid" "$pid"
	wait "$pid"
	check "status of the caller" "$?" 4
	: >"$dir/b.err"
	run env -u WALDO_TRACE "$WALDO_BIN" call "$a/relay" call "@$b/echo" \
		sleep 1
	expect 0 null ''
	check "a call without a deadline has none at B" \
		"$(left b.err '< CALL.*"sleep"')" ""
}

export WALDO_TRACE=1
for_each_transport_between_two body
finish
