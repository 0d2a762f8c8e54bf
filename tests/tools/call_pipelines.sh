#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What follows a '/' is called on what the call before it will return, and
# leaves without waiting for it.
. "$(dirname "$0")/lib.sh"

# The number of the first line of a trace that has $1; 0 if none has.
line_of() {
	local line
	line=$(grep -n -m 1 -e "$1" "$dir/trace" | cut -d : -f 1)
	echo "${line:-0}"
}

body() {
	run waldo call "$uri/factory" make box / rename crate
	expect 0 null ''
	run waldo call "$uri/counter" watch @ / cancel
	expect 0 null ''
	run waldo call "$uri/factory" make '"/"' / label
	expect 0 '"/"' ''

	WALDO_TRACE=1 waldo call "$uri/factory" make box / label \
		>"$dir/out" 2>"$dir/trace"
	check "status" "$?" 0
	check "result" "$(<"$dir/out")" '"box"'
	[ "$(line_of make)" -gt 0 ] || die "make is not in the trace"
	[ "$(line_of label)" -gt 0 ] || die "label is not in the trace"
	[ "$(line_of label)" -lt "$(line_of RETURN)" ] ||
		die "label was called after a RETURN: $(<"$dir/trace")"
	checks=$((checks + 1))
}

for_each_transport body
finish
