#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# waldo grant makes a URI that survives a restart of the server; waldo revoke
# has it and what was fetched with it end, and what is wrong, revoked or expired
# is answered with the same bytes.
. "$(dirname "$0")/lib.sh"

store=$dir/store
start_server --listen "unix:$dir/demo" --store "$store"
base=waldo+unix://$dir/demo

run waldo grant "$store" counter kitchen --uri "$base" --owner ann
expect 0 "$base/???????????????????????????????????????????" ""
kitchen=$out
run waldo call "$kitchen" add 5
expect 0 5 ""
run waldo call "$kitchen" add 5
expect 0 10 ""
stop_server
start_server --listen "unix:$dir/demo" --store "$store"
run waldo call "$kitchen" get
expect 0 0 ""
check "the secret of a grant in the trace" "$(
	WALDO_TRACE=1 waldo call "$kitchen" get 2>&1 | grep CALL |
		grep -c -e "${kitchen##*/}")" 0

run waldo grant "$store" counter '"garden"' --seal \
	aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaba --expires 12h
expect 0 "???????????????????????????????????????????" ""
sealed=$out
run waldo grants "$store"
check "grants" "$(cut -f 1-3,6 <<<"$out" | tr '\t\n' ' ;')" \
	"ID KIND OWNER SEALED TO;1 counter ann -;2 counter - \
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaba;"

# The server notices within a second, while a client holds what it fetched.
start "$WALDO_BIN" call --stay "$kitchen" watch @ >"$dir/watch.out" 2>&1
wait_for grep -q Subscription "$dir/watch.out"
run waldo revoke "$store" "$kitchen"
expect 0 "1 revoked" ""
run waldo revoke "$store" "$kitchen"
expect 3 "" "waldo: $store: there is no such grant"

# What a client is answered, less what it asked for.
answer_to() {
	WALDO_TRACE=1 waldo call "$base/$1" get 2>&1 >/dev/null |
		grep ' < \|^<' | grep RETURN | sed "s/$1/NAME/g"
}
revoked=$(answer_to "${kitchen##*/}")
[ -n "$revoked" ] || die "the trace shows no answer"
run waldo grant "$store" counter short --expires 0.3s
short=$out
sleep 0.4
check "one that has expired" "$(answer_to "$short")" "$revoked"
check "one that is wrong" "$(answer_to "A${short#?}")" "$revoked"
check "one that is sealed to another" "$(answer_to "$sealed")" "$revoked"
run waldo call "$kitchen" get
expect 1 "" "waldo.NoName: no such grant: it is wrong, was revoked, *"

run waldo grant "$store" counter a --owner bob
run waldo grant "$store" counter b --owner bob
run waldo revoke "$store" --owner bob
expect 0 "2 revoked" ""
run waldo revoke "$store" --id 2 --kind counter
expect 0 "1 revoked" ""

run waldo grant "$store" counter @
expect 2 "" "waldo: argument 1: a grant can hold no reference"
run waldo grant "$store" counter x --uri waldo://KEY@host:1/counter
expect 2 "" "waldo: --uri wants one without a name, not 'counter'*"
run waldo grant "$store" counter x --uri http://host:1
expect 2 "" "waldo: --uri wants one of waldo://*, not 'http://host:1'*"
run waldo grant "$store" counter x --expires 5
expect 2 "" "waldo: --expires wants a time from now*"
run waldo grant "$store" counter x --seal short
expect 2 "" "waldo: --seal wants a key of 52 letters*"
run waldo revoke "$store"
expect 2 "" "waldo: a STORE is wanted, and what to revoke*"
run waldo grants "$dir/nothing"
expect 3 "" "waldo: $dir/nothing: No such file or directory"
check "what was not asked for" "$(ls "$dir/nothing" 2>&1 | wc -l)" 1
chmod 644 "$store"
run waldo grants "$store"
expect 3 "" "waldo: $store: its mode is 644*"
chmod 600 "$store"
echo text >"$dir/text"
chmod 600 "$dir/text"
run waldo grant "$dir/text" counter x
expect 2 "" "waldo: $dir/text: file is not a database"
stop_server
finish
