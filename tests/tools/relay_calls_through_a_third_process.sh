#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A reference that a process hands to another is called from there, and comes
# home as what it was: three processes, whoever calls between two servers.
. "$(dirname "$0")/lib.sh"

kept_is() {
	[ "$(waldo call "$a/relay" kept 2>/dev/null)" = "$1" ]
}

calls() {
	run waldo call "$a/relay" call "@$b/echo" echo 1 2
	expect 0 '\[1,2]' ''
	run waldo call "$a/relay" call "@$b/counter" add 5
	expect 0 5 ''
	run waldo call "$b/counter" get
	expect 0 5 ''
	run waldo call "$a/counter" get
	expect 0 0 ''
	run waldo call "$a/relay" call "@$b/echo" fail bank.Overdrawn "no coins"
	expect 1 '' 'bank.Overdrawn: no coins'
	run waldo call "$a/relay" call "@$b/echo" fly
	expect 1 '' 'waldo.NoMethod: *fly*'
	run waldo call "$a/relay" call 1 echo
	expect 1 '' 'waldo.BadArguments: *argument 1*'
	run waldo call "$a/relay" call "@$b/echo" 7
	expect 1 '' 'waldo.BadArguments: *argument 2*'

	# Pipelined on what the third will return, from one end to the other.
	run waldo call "$a/relay" call "@$b/factory" make box / label
	expect 0 '"box"' ''
	run waldo call "$a/relay" call "@$b/relay" call "@$a/counter" add 1
	expect 0 1 ''
	run waldo call "$a/relay" call "@$b/relay" call "@$a/relay" call \
		"@$b/counter" get
	expect 0 5 ''
}

# Numbers tell what is the same object: those of one process, of the other, and
# of neither.
identity() {
	run waldo call "$a/relay" call "@$b/echo" echo \
		"@$a/echo" "@$b/echo" "@$a/echo" @ "@$b/echo" @
	expect 0 '\[{"$ref": "Echo#1"},{"$ref": "Echo#2"},{"$ref": "Echo#1"},*' ''
	check "references that came home" "$(grep -o '#[0-9]' <<<"$out" | xargs)" \
		"#1 #2 #1 #3 #2 #3"
}

keeping() {
	run waldo call "$a/relay" kept
	expect 0 null ''
	run waldo call "$a/relay" keep "@$a/counter"
	expect 0 null ''
	run waldo call "$a/relay" kept / get
	expect 0 1 ''

	# What leads through a third process works as long as that is there.
	start "$WALDO_BIN" call --stay "$a/relay" keep "@$b/counter" \
		>"$dir/keeper"
	wait_for grep -q null "$dir/keeper"
	run waldo call "$a/relay" kept / add 10
	expect 0 15 ''
	run waldo call "$b/relay" call "@$a/relay" kept / get
	expect 0 15 ''
	kill -INT "$pid"
	wait "$pid"
	run waldo call "$a/relay" kept / get
	expect 1 '' 'waldo.Lost: *'
	run waldo call "$a/relay" keep "@$a/echo"
	run waldo call "$a/relay" kept
	expect 0 '{"$ref": "Echo#1"}' ''
}

# Nobody holds anything for anybody that is gone.
holds_nothing() {
	: >"$dir/$1.err"
	kill -USR1 "$2"
	wait_for grep -q '^node' "$dir/$1.err"
	grep -q '^node: sessions 0, ' "$dir/$1.err"
}

body() {
	calls
	identity
	keeping
	wait_for holds_nothing a "$a_pid"
	wait_for holds_nothing b "$b_pid"
	checks=$((checks + 2))
}

for_each_transport_between_two body
finish
