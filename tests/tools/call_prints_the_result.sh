#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# waldo call prints the result of every method of the demo as JSON.
. "$(dirname "$0")/lib.sh"

body() {
	run waldo call "$uri/echo" echo
	expect 0 '\[]' ''
	run waldo call "$uri/echo" echo 1 two true
	expect 0 '\[1,"two",true]' ''
	run waldo call "$uri/echo" sleep 20
	expect 0 null ''

	run waldo call "$uri/counter" add 5
	expect 0 5 ''
	run waldo call "$uri/counter" add -7
	expect 0 -2 ''
	run waldo call "$uri/counter" get
	expect 0 -2 ''
	run waldo call "$uri/counter" watch @
	expect 0 '{"$ref": "Subscription#1"}' ''
	run waldo call "$uri/counter" watch @ / cancel
	expect 0 null ''

	run waldo call "$uri/factory" make box
	expect 0 '{"$ref": "Label#1"}' ''
	run waldo call "$uri/factory" make box / label
	expect 0 '"box"' ''
	run waldo call "$uri/factory" make box / rename crate
	expect 0 null ''
	run waldo call "$uri/factory" make box / same "@$uri/counter"
	expect 0 false ''
	wait_for nothing_is_made

	run waldo call "$uri/clock" now
	expect 0 '{"$time": "20??-??-??T??:??:??.??????Z"}' ''
	run waldo call "$uri/clock" cancelled
	expect 0 0 ''
}

nothing_is_made() {
	[ "$(waldo call "$uri/factory" count)" = 0 ]
}

for_each_transport body
finish
