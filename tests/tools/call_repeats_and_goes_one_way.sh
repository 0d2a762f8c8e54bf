#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --repeat calls that often, in order; --one-way ends once the peer has the
# call, and prints nothing.
. "$(dirname "$0")/lib.sh"

body() {
	run waldo call --repeat 4 "$uri/counter" add 2
	expect 0 $'2\n4\n6\n8' ''
	run waldo call --repeat 3 "$uri/factory" make x
	expect 0 $'{"$ref": "Label#1"}\n{"$ref": "Label#2"}\n{"$ref": "Label#3"}' ''
	run waldo call --repeat 2 "$uri/echo" fail a.B c
	expect 1 '' 'a.B: c'

	run waldo call --one-way "$uri/counter" add 100
	expect 0 '' ''
	run waldo call "$uri/counter" get
	expect 0 108 ''
	run waldo call --one-way --repeat 10 "$uri/counter" add 1
	expect 0 '' ''
	run waldo call "$uri/counter" get
	expect 0 118 ''
	run waldo call --one-way "$uri/echo" fail nobody.Hears it
	expect 0 '' ''
	run waldo call --one-way "$uri/echo" sleep 60000
	expect 0 '' ''
}

for_each_transport body
finish
