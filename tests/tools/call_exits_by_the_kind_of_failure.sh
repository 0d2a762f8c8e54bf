#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The exit status and the one line on stderr tell who failed.
. "$(dirname "$0")/lib.sh"

body() {
	run waldo call "$uri/echo" fail bank.Overdrawn "no coins are left"
	expect 1 '' 'bank.Overdrawn: no coins are left'
	run waldo call "$uri/echo" fly
	expect 1 '' 'waldo.NoMethod: *fly*'
	run waldo call "$uri/counter" add three
	expect 1 '' 'waldo.BadArguments: *argument 1: expected integer*'
	run waldo call "$uri/counter" add 1 2
	expect 1 '' 'waldo.BadArguments: *argument 2*'
	run waldo call "$uri/nothing" get
	expect 1 '' 'waldo.NoName: *nothing*'
	run waldo call "$uri/echo" echo 1 / label
	expect 1 '' 'waldo.Invalid: echo: *'
	run waldo call "$uri/echo" fail a.B first / label
	expect 1 '' 'a.B: first'
	run waldo call "$uri/counter" add 9223372036854775807 / x
	expect 1 '' '*'
	run waldo call "$uri/echo" sleep 60000 --timeout 0.1
	expect 4 '' "waldo: $uri/echo: no answer within 100 ms"

	# What is handed over has to be there.
	run waldo call "$uri/counter" watch "@$uri/nothing"
	expect 1 '' 'waldo.NoName: *nothing*'
	run waldo call "$uri/echo" echo 1 "@waldo+unix://$dir/none/x"
	expect 3 '' "waldo: *$dir/none*"
	run waldo call "$uri/echo" echo "@$uri/clock" / x "@$uri/counter"
	expect 1 '' 'waldo.Invalid: echo: *'
	run waldo call "$uri/echo" echo "@$uri/clock"
	expect 0 '\[{"$ref": "Clock#1"}]' ''
	run waldo describe "$uri/nothing"
	expect 1 '' 'waldo.NoName: *nothing*'
	run waldo ping -c 1 "$uri/nothing"
	expect 1 '*' 'waldo.NoName: *nothing*'
}

for_each_transport body

# A server that stops says so; whose end it is, we say.
WALDO_TRACE=1 start_server --listen "unix:$dir/socket"
start "$WALDO_BIN" call "$uri/echo" sleep 60000 2>"$dir/end"
wait_for grep -q sleep "$dir/serve.err"
stop_server
wait "$pid"
check "status of who is left" "$?" 3
check "its line names the URI" \
	"$(grep -c "^waldo: $uri/echo: the peer ended" "$dir/end")" 1
uri=waldo+tcp-insecure://127.0.0.1:1

# Nobody is there any more.
run waldo call "$uri/echo" echo
expect 3 '' 'waldo: *127.0.0.1*'
run waldo ls "$uri"
expect 3 '' 'waldo: *127.0.0.1*'
run waldo call "waldo+unix://$dir/none/echo" echo
expect 3 '' "waldo: *$dir/none*"
run waldo ping "waldo+unix://$dir/none/echo"
expect 3 '*' "waldo: *$dir/none*"
run waldo serve --demo --listen "unix:$dir/no/such/directory/socket"
expect 3 '' "waldo: *$dir/no/such*"
run waldo call waldo+tcp-insecure://nosuch.invalid:4747/echo get
expect 3 '' 'waldo: cannot resolve nosuch.invalid: *'

# What the user wrote is what is complained about.
run waldo ls tcp:127.0.0.1:1
expect 3 '' 'waldo: cannot connect to tcp:127.0.0.1:1: *'
run waldo ls inproc:nobody
expect 3 '' 'waldo: cannot connect to inproc:nobody: *'
finish
