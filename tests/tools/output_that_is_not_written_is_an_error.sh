#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where nothing can be written, that is told in one line, with status 3 and
# at once: nobody waits for what will not come.
. "$(dirname "$0")/lib.sh"

unwritten() {
	run timeout 5 sh -c '"$@" >/dev/full' sh "$WALDO_BIN" "$@"
	expect 3 '' 'waldo: cannot write the output: No space left on device'
}

body() {
	unwritten call "$uri/echo" echo 1
	unwritten call --repeat 2 "$uri/echo" echo 1
	unwritten ls "$uri"
	unwritten describe "$uri/echo"
	unwritten ping "$uri/echo"
}

for_each_transport body
unwritten --help
unwritten --version
unwritten serve --demo
finish
