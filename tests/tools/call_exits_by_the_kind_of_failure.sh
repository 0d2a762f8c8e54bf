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
	expect 1 '' 'waldo.Invalid: *'
	run waldo call "$uri/echo" fail a.B first / label
	expect 1 '' 'a.B: first'
	run waldo call "$uri/counter" add 9223372036854775807 / x
	expect 1 '' '*'
	run waldo call "$uri/echo" sleep 60000 --timeout 0.1
	expect 4 '' 'waldo: *'
	run waldo describe "$uri/nothing"
	expect 1 '' 'waldo.NoName: *nothing*'
	run waldo ping -c 1 "$uri/nothing"
	expect 1 '*' 'waldo.NoName: *nothing*'
}

for_each_transport body

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
finish
