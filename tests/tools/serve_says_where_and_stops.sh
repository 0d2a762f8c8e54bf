#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# waldo serve prints a line for each name and address, then 'ready', and ends
# with status 0 on SIGTERM and SIGINT, with calls under way too: those have the
# grace to finish, and no others.
. "$(dirname "$0")/lib.sh"

start_server --listen unix:"$dir/a" --listen tcp-insecure:127.0.0.1:0 \
	--listen=unix:"$dir/b"
check "names at the first address" \
	"$(grep "^publish [a-z]* waldo+unix://$dir/a/" "$dir/serve.out" |
		cut -d ' ' -f 2 | xargs)" "echo counter factory clock relay"
check "names at the second address" \
	"$(grep '^publish [a-z]* waldo+tcp-insecure://127.0.0.1:[1-9][0-9]*/' \
		"$dir/serve.out" | cut -d ' ' -f 2 | xargs)" \
	"echo counter factory clock relay"
check "lines" "$(wc -l <"$dir/serve.out")" 16
check "the last line" "$(tail -n 1 "$dir/serve.out")" ready

for uri in $(sed -n 's|^publish counter ||p' "$dir/serve.out"); do
	run waldo call "$uri" add 1
	check "status at $uri" "$status" 0
done
check "the counter that all addresses share" "$out" 3
stop_server
check "what a server with nothing to finish says" "$(<"$dir/serve.err")" ""

# One that nobody asked an address for, and SIGINT. A background job of a
# script ignores SIGINT unless it takes it back, which the command does.
start_server --grace 0.2
check "the default address" \
	"$(sed 's|//[a-z2-7]\{52\}@|//KEY@|' <<<"${uri%:*}")" \
	waldo://KEY@127.0.0.1
start "$WALDO_BIN" call "$uri/echo" sleep 60000 2>"$dir/err"
sleep 0.2
kill -INT "$server"
wait "$server"
check "status after SIGINT" "$?" 0
wait "$pid"
check "status of the call under way" "$?" 3
check "stderr of the server" "$(<"$dir/serve.err")" \
	"waldo: the node is stopping: 1 calls of peers have 200 ms to finish"

# A call that runs is answered; one that comes then is told that it never ran.
start_server --listen unix:"$dir/c"
start "$WALDO_BIN" call "$uri/echo" sleep 600 2>"$dir/err"
slow=$pid
start "$WALDO_BIN" ping --interval 0.05 "$uri/echo" >"$dir/ping" 2>&1
has_pinged() {
	[ "$(wc -l <"$dir/ping")" -ge 5 ]
}
wait_for has_pinged
kill -TERM "$server"
wait "$slow"
check "status of the call that ran" "$?" 0
wait "$server"
check "status after SIGTERM" "$?" 0
check "what who pings is told" \
	"$(grep -c 'takes no more calls: the node is stopping' "$dir/ping")" 1
finish
