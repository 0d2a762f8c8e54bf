#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Who watches an encrypted link does not see why a swissnum fetched nothing: as
# many bytes pass, in as many records, both ways, whether it was never there,
# was revoked, has expired or is sealed to another key. Nor does the client,
# which is told in one sentence. A URI with another key leads nowhere.
. "$(dirname "$0")/lib.sh"

start_server --listen tcp:127.0.0.1:0 --store "$dir/store"
port=${uri##*:}
mkdir "$dir/taps"
start "${0%/*}/tap.py" relay "$port" "$dir/taps" >"$dir/port"
wait_for test -s "$dir/port"
near=${uri%:*}:$(<"$dir/port")
taps=0

# grant ARGUMENT...: sets $made to the swissnum.
grant() {
	run waldo grant "$dir/store" counter kitchen "$@"
	expect 0 "???????????????????????????????????????????" ""
	made=$out
}

# fetch SWISSNUM: calls what it fetches; sets $out and $err, and $wire to what
# was seen of it.
fetch() {
	run waldo call "$near/$1" get
	taps=$((taps + 1))
	wait_for test -e "$dir/taps/$taps"
	wire=$(<"$dir/taps/$taps")
}

grant
good=$made
fetch "$good"
expect 0 0 ""
check "the first message and the preamble" "$(head -c 3 "$dir/taps/1.up" |
	od -An -tx1)" " c1 57 44"
good_wire=$wire

grant
revoked=$made
run waldo revoke "$dir/store" "$near/$revoked"
expect 0 "1 revoked" ""
grant --expires 0.1s
expired=$made
grant --seal aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaba
sealed=$made
first=A
[ "${good:0:1}" != A ] || first=B
wrong=$first${good#?}
sleep 0.2

message="waldo.NoName: no such grant: it is wrong, was revoked, has expired or is \
another key's"
fetch "$wrong"
expect 1 "" "$message"
seen=$wire
[ "$seen" != "$good_wire" ] || die "the tap sees no difference: $seen"
for round in 1 2 3; do
	for swissnum in "$wrong" "$revoked" "$expired" "$sealed"; do
		fetch "$swissnum"
		expect 1 "" "$message"
		check "the wire, round $round" "$wire" "$seen"
	done
done
fetch "$good"
expect 0 0 ""

# None of it in clear.
for swissnum in "$good" "$revoked" "$expired" "$sealed"; do
	! grep -qa -e "$swissnum" "$dir"/taps/* || die "$swissnum on the wire"
done
# Nor where people read what went wrong.
! grep -q -e "$revoked" -e "$wrong" "$dir/serve.err" || die "a swissnum in the log"
WALDO_TRACE=1 waldo call "$near/$wrong" get >"$dir/trace" 2>&1
grep -q RETURN "$dir/trace" || die "there is no trace"
! grep -q -e "$wrong" "$dir/trace" || die "a swissnum in the trace"
checks=$((checks + 6))

# One character of the key: somewhere in it, and the last, of which but one bit
# means something.
key=${uri#waldo://} key=${key%@*}
for at in 0 25 50; do
	other=a
	[ "${key:at:1}" != a ] || other=b
	run waldo call "waldo://${key:0:at}$other${key:at+1}@${near#*@}/$good" get
	expect 3 '' "waldo: tcp:${near#*@} closed the connection before it had \
proved that it has the key that was asked for"
done
run waldo call "waldo://${key%?}z@${near#*@}/$good" get
expect 2 '' "waldo: waldo://*: *key*"
stop_server
finish
