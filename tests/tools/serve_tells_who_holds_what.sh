#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SIGUSR1 has waldo serve print who holds what on stderr, as often as it comes,
# and go on.
. "$(dirname "$0")/lib.sh"

# tells PATTERN: in what it says from now on.
tells() {
	: >"$dir/serve.err"
	kill -USR1 "$server"
	wait_for grep -q '^node' "$dir/serve.err"
	grep -q -- "$1" "$dir/serve.err"
}

body() {
	wait_for tells '^node: sessions 0, '
	tells "^  listens at $uri\$" || die "no listener: $(<"$dir/serve.err")"
	start "$WALDO_BIN" call "$uri/echo" sleep 60000
	wait_for tells '^      [0-9]* sleep of Echo, deferred, [0-9]*\.[0-9]* s$'
	wait_for tells '^      -[0-9]* Echo, mentioned 1$'
	wait_for tells '^  session, accepted from '
	kill -TERM "$pid"
	wait "$pid" 2>/dev/null
	wait_for tells '^node: sessions 0, .* calls 0, '
	check "control characters" "$(tr -d '\n' <"$dir/serve.err" |
		grep -c '[[:cntrl:]]')" 0
	checks=$((checks + 6))
	kill -USR1 "$server" # as it is told to stop
}

for_each_transport body
finish
