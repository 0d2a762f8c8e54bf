#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What JSON can write, and what is spelled in it, comes back as it was sent.
. "$(dirname "$0")/lib.sh"

# roundtrip ARG [PRINTED]
roundtrip() {
	run waldo call "$uri/echo" echo -- "$1"
	check "status of echo $1" "$status" 0
	check "echo $1" "$out" "[${2-$1}]"
}

values() {
	roundtrip null
	roundtrip true
	roundtrip false
	roundtrip 0
	roundtrip -1
	roundtrip 9007199254740993
	roundtrip 9223372036854775807
	roundtrip -9223372036854775808
	roundtrip 18446744073709551615
	roundtrip '[[9223372036854775808]]'
	roundtrip '{"$uint": "18446744073709551615"}' 18446744073709551615
	roundtrip 0.1
	roundtrip 1.0
	roundtrip 1e300 1e+300
	roundtrip -2.5e-300
	roundtrip '{"$double": "nan"}'
	roundtrip '{"$double": "-inf"}'

	roundtrip '""'
	roundtrip '"/"'
	roundtrip '"@"'
	roundtrip '"5"'
	roundtrip '"tab\t quote\" back\\ line\n"'
	roundtrip '"\u0000 \u001b[2J \u009b \u007f"'
	roundtrip '"Grüße, 世界 🌍"'
	roundtrip '' '""'
	roundtrip 'a bare word' '"a bare word"'
	roundtrip nullify '"nullify"'
	roundtrip - '"-"'
	roundtrip --stay '"--stay"'

	roundtrip '[]'
	roundtrip '{}'
	roundtrip '[1,[2,{"three": [null]}],""]'
	roundtrip '{"b": 1,"a": {"$bytes": "AAEC/w=="}}'
	roundtrip '{"$bytes": ""}'
	roundtrip '{"$bytes": "AA=="}'
	roundtrip '{"$time": "2026-01-02T03:04:05.678901Z"}'
	roundtrip '{"$time": "1969-12-31T23:59:59.5Z"}' \
		'{"$time": "1969-12-31T23:59:59.500000Z"}'
	roundtrip '{"$bytes": "AA==","more": 1}'
}

for_each_transport values
finish
