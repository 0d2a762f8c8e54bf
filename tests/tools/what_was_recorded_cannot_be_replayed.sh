#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whoever recorded what a client said over an encrypted link can say it again, to
# the same server, to one that was started anew with the same key, in part or
# with a part left out: nothing of it is executed, he is told nothing, and the
# server's log tells of him.
. "$(dirname "$0")/lib.sh"

refused() {
	grep -q "tcp:127.0.0.1:[0-9]* is refused: $1" "$dir/serve.err"
}

# replay BYTES FILE...: BYTES is how many the server says.
replay() {
	said=$("$tap" replay "$port" "${@:2}") || die "the tap cannot replay"
	check "what the server said to ${*:2}" "$said" "$1"
}

tap=${0%/*}/tap.py
start_server --listen tcp:127.0.0.1:0
port=${uri##*:}
mkdir "$dir/taps"
start "$tap" relay "$port" "$dir/taps" >"$dir/port"
wait_for test -s "$dir/port"
run waldo call "${uri%:*}:$(<"$dir/port")/counter" add 5
expect 0 5 ''
wait_for test -e "$dir/taps/1"
up=$dir/taps/1.up

# The preamble and message 1 are 12 and 2 + 48 bytes. Only whoever waits for it
# is sent a message 2, which he can do nothing with.
message_2=$(sed -n 's/^down [0-9]*: \([0-9]*\) .*/\1/p' "$dir/taps/1")
head -c 62 "$up" >"$dir/begin"
tail -c +63 "$up" >"$dir/rest"
head -c 12 "$up" >"$dir/preamble"

again() {
	replay $((2 + message_2)) "$dir/begin" "$dir/rest"
	wait_for refused "it could not prove who it is"
	replay 0 "$up"
	replay 0 "$dir/rest"
	cat "$dir/preamble" "$dir/rest" >"$dir/later"
	replay 0 "$dir/later"
	run waldo call "$uri/counter" get
	expect 0 "$1" ''
}
again 5
stop_server
start_server --listen "tcp:127.0.0.1:$port"
again 0
! grep -q 'counter\|add' "$dir/serve.err" || die "the log says too much"
checks=$((checks + 3))
stop_server
finish
