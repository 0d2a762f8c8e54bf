#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is wrong on the command line is named in one line, with status 2,
# before anything is sent.
. "$(dirname "$0")/lib.sh"

nowhere=waldo+unix://$dir/nobody/x

refused() {
	local says=$1
	shift
	run waldo "$@"
	expect 2 '' "$says"
}

refused "waldo: argument 2: '{\"a\":' is not JSON: * at column *" \
	call "$nowhere" m 1 '{"a":'
refused "waldo: argument 1: '\[1,]' is not JSON: *" call "$nowhere" m '[1,]'
refused "waldo: argument 1: '12x' is not JSON: *" call "$nowhere" m 12x
refused "waldo: argument 1: '1 2' is not JSON: *" call "$nowhere" m '1 2'
refused "waldo: argument 1: '-1.' is not JSON: *" call "$nowhere" m -1.
refused "waldo: argument 1: *is not JSON: *" call "$nowhere" m '"open'
refused "waldo: argument 1: *duplicate*" call "$nowhere" m '{"a":1,"a":2}'
refused "waldo: argument 1: *is not JSON: *" call "$nowhere" m \
	18446744073709551616
refused "waldo: argument 1: *is not JSON: *" call "$nowhere" m 1e999
refused "waldo: argument 1: *base64*" call "$nowhere" m '{"$bytes": "A"}'
refused "waldo: argument 1: *base64*" call "$nowhere" m '{"$bytes": "AB=="}'
refused "waldo: argument 1: *like 2026-*" call "$nowhere" m '{"$time": "now"}'
refused "waldo: argument 1: *nan*" call "$nowhere" m '{"$double": "1"}'
refused "waldo: argument 1: *digits*" call "$nowhere" m '{"$uint": "-1"}'
refused "waldo: argument 1: *@URI*" call "$nowhere" m '[{"$ref": "A#1"}]'
refused "waldo: argument 1: * is not UTF-8" call "$nowhere" m $'\xff'
refused "waldo: argument 1: *" call "$nowhere" m '@not-a-uri'

nested() {
	printf '%*s' "$1" '' | tr ' ' '['
	printf '%*s' "$1" '' | tr ' ' ']'
}
refused "waldo: argument 2: * nests deeper than 63 levels" \
	call "$nowhere" m 1 "$(nested 64)"
run waldo call "$nowhere" m "$(nested 63)"
expect 3 '' "waldo: cannot connect *"

refused "waldo: *METHOD is missing*" call "$nowhere"
refused "waldo: *METHOD is missing*" call "$nowhere" m /
refused "waldo: *METHOD is missing*" call "$nowhere" / m
refused "waldo: the URI is missing*" call
refused "waldo: unknown option '--sty'*" call "$nowhere" m --sty
refused "waldo: --timeout wants seconds*" call "$nowhere" m --timeout
refused "waldo: --timeout wants seconds*'0'*" call --timeout 0 "$nowhere" m
refused "waldo: --timeout wants seconds*'nan'*" call --timeout=nan "$nowhere" m
refused "waldo: --timeout wants seconds*up to 4294967,*" \
	call --timeout 1e10 "$nowhere" m
refused "waldo: --repeat wants a number*" call --repeat -1 "$nowhere" m
refused "waldo: --stay takes no value*" call --stay=1 "$nowhere" m

refused "waldo: *" call not-a-uri m
refused "waldo: *" call waldo+tcp-insecure://127.0.0.1/x m
refused "waldo: *" call waldo+tcp-insecure://127.0.0.1:99999/x m
refused "waldo: *" describe carrier+pigeon://x/y
refused "waldo: *" ping ""
refused "waldo: nonsense: is no address *" ls nonsense
refused "waldo: fd:3: can only be listened on" ls fd:3
refused "waldo: tcp-insecure:1, as waldo+tcp-insecure://1: *" ls tcp-insecure:1

refused "waldo: --demo *" serve
refused "waldo: *" serve --demo --listen nonsense
refused "waldo: *" serve --demo --listen tcp-insecure:127.0.0.1:x
refused "waldo: nonsense: *" serve --demo -l tcp-insecure:127.0.0.1:0 -l nonsense
refused "waldo: 'more' is not expected*" serve --demo more
refused "waldo: no command given*"
refused "waldo: unknown command 'fly'*" fly
finish
