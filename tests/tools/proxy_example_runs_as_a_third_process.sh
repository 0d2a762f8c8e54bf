#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# examples/proxy.c between a caller and a server: what goes through comes out
# as it went in, both ways; who gives up is heard of behind it; and a backend
# that is away is said to be.
. "$(dirname "$0")/lib.sh"
: "${WALDO_PROXY:?is the path of the example proxy}"

# start_proxy NAME URI: sets $proxy, what is published there, and $proxy_pid.
start_proxy() {
	start "$WALDO_PROXY" "$2" "unix:$dir/$1" 2>"$dir/$1.err"
	proxy=waldo+unix://$dir/$1/proxy proxy_pid=$pid
	wait_for test -S "$dir/$1"
}

cancelled_is() {
	[ "$(waldo call "$uri/clock" cancelled)" = "$1" ]
}

sleeps() {
	kill -USR1 "$server"
	grep -q 'sleep of Echo, deferred' "$dir/serve.err"
}

values_and_errors() {
	start_proxy echo "$uri/echo"
	run waldo call "$proxy" echo -- null true -5 18446744073709551615 \
		0.1 '"Grüße"' '{"$bytes": "AAEC/w=="}' '[1, {"a": []}]' \
		'{"$time": "2026-01-02T03:04:05.678901Z"}'
	expect 0 '\[null,true,-5,18446744073709551615,0.1,"Grüße",{"$bytes": "AAEC/w=="},\[1,{"a": \[]}],{"$time": "2026-01-02T03:04:05.678901Z"}]' ''
	run waldo call "$proxy" fail bank.Overdrawn "no coins"
	expect 1 '' 'bank.Overdrawn: no coins'
	run waldo call "$proxy" fly
	expect 1 '' 'waldo.NoMethod: *fly*'
	run waldo call "$proxy" sleep forever
	expect 1 '' 'waldo.BadArguments: *argument 1*'
	run waldo call "$proxy" transfer
	expect 1 '' 'waldo.NoMethod: *transfer*'
	check "what the proxy said of it" "$(wc -l <"$dir/echo.err")" 1
}

references() {
	run waldo call "$proxy" echo @ "@$uri/clock" "@$proxy" @
	expect 0 '\[*' ''
	check "references that came home" "$(grep -o '#[0-9]' <<<"$out" | xargs)" \
		"#1 #2 #3 #1"

	start_proxy counter "$uri/counter"
	start "$WALDO_BIN" call --stay "$proxy" watch @ >"$dir/seen"
	wait_for grep -q Subscription "$dir/seen"
	run waldo call "$uri/counter" add 3
	expect 0 3 ''
	wait_for grep -qx 'called changed \[3]' "$dir/seen"
	kill -INT "$pid"
	wait "$pid"

	start_proxy factory "$uri/factory"
	run waldo call "$proxy" make box / label
	expect 0 '"box"' ''
	wait_for nothing_is_made
	checks=$((checks + 2))
}

nothing_is_made() {
	[ "$(waldo call "$uri/factory" count)" = 0 ]
}

giving_up() {
	start_proxy sleeper "$uri/echo"
	start "$WALDO_BIN" call "$proxy" sleep 60000 2>"$dir/caller.err"
	wait_for sleeps
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	wait_for cancelled_is 1
	run waldo call --timeout 0.2 "$proxy" sleep 60000
	expect 4 '' "waldo: $proxy: no answer within 200 ms"
	wait_for cancelled_is 2
	checks=$((checks + 2))
}

backend_away() {
	run waldo call "$proxy" echo 1
	expect 0 '\[1]' ''
	start "$WALDO_BIN" call "$proxy" sleep 60000 >"$dir/out" 2>"$dir/err"
	: >"$dir/serve.err"
	wait_for sleeps
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	wait "$pid"
	status=$? ran="the call under way" out=$(<"$dir/out") err=$(<"$dir/err")
	expect 1 '' 'waldo.Lost: *'
	run waldo call "$proxy" echo 1
	expect 1 '' 'waldo.Lost: *'

	start_proxy nobody "$uri/echo"
	run waldo call "$proxy" echo 1
	# Where that was to be is not for its clients.
	expect 1 '' 'waldo.Connect: cannot connect'
}

for transport in unix:"$dir/socket" tcp-insecure:127.0.0.1:0; do
	start_server --listen "$transport"
	values_and_errors
	references
	giving_up
	transport=${uri#*//}
	backend_away
	rm -f "$dir"/{echo,counter,factory,sleeper,nobody}
done
finish
