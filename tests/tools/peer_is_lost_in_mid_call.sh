#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A server that is killed while a call runs is status 3 and one line, at once.
. "$(dirname "$0")/lib.sh"

is_traced() {
	grep -q "$1" "$dir/serve.err"
}

export WALDO_TRACE=1
for transport in unix:"$dir/socket" tcp-insecure:127.0.0.1:0; do
	start_server --listen "$transport"
	start env -u WALDO_TRACE "$WALDO_BIN" call "$uri/echo" sleep 60000 \
		>"$dir/out" 2>"$dir/err"
	wait_for is_traced sleep
	from=$(now_ms)
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	wait "$pid"
	check "status" "$?" 3
	[ $(($(now_ms) - from)) -lt 1000 ] || die "it took more than a second"
	check "lines on stderr" "$(wc -l <"$dir/err")" 1
	check "lines on stdout" "$(wc -l <"$dir/out")" 0
done
finish
