#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A client says who it is with --key, which logs in and opens what is sealed to
# it, and that it belongs to a cluster with --psk-file; what is missing or wrong
# is told before anything is sent, or by whoever refuses it.
. "$(dirname "$0")/lib.sh"

for key in ann eve; do
	run waldo key new "$dir/$key"
	expect 0 '????????????????????????????????????????????????????' ''
	declare "$key=$out"
done

# A login by key.
run waldo user add "$dir/accounts" ann
expect 0 '' ''
run waldo user key "$dir/accounts" ann "$ann"
expect 0 '' ''
start_server --accounts "$dir/accounts" --store "$dir/store"
run waldo call "$uri/gate" --key "$dir/ann" --login ann greet
expect 0 '"hello, ann"' ''
run waldo call "$uri/gate" -k "$dir/ann" --login '' whoami
expect 0 '"ann"' ''
run waldo call "$uri/gate" --key "$dir/eve" --login ann greet
expect 1 '' 'waldo.Denied: login failed'
run waldo call "$uri/gate" --key "$dir/nobody" --login ann greet
expect 3 '' "waldo: $dir/nobody: No such file or directory"
[ ! -e "$dir/nobody" ] || die "a key was made for a client"
run waldo call waldo+unix:x/gate --key "$dir/ann" --login ann greet
expect 2 '' 'waldo: waldo+unix:x/gate: only an encrypted link, waldo://KEY@*'
chmod 644 "$dir/ann"
run waldo call "$uri/counter" --key "$dir/ann" get
expect 3 '' "waldo: $dir/ann: its mode is 644*"
chmod 600 "$dir/ann"
run waldo user disable "$dir/accounts" ann
run waldo call "$uri/gate" --key "$dir/ann" --login ann greet
expect 1 '' 'waldo.Denied: login failed'

# What is sealed to it.
run waldo grant "$dir/store" counter kitchen --seal "$ann" --uri "$uri"
expect 0 "$uri/???????????????????????????????????????????" ''
sealed=$out
run waldo call --key "$dir/ann" "$sealed" add 2
expect 0 2 ''
run waldo call --key "$dir/eve" "$sealed" add 2
expect 1 '' 'waldo.NoName: no such grant: *'
run waldo call "$sealed" add 2
expect 1 '' 'waldo.NoName: no such grant: *'
stop_server

# Secrets of clusters.
run waldo key secret "$dir/old"
expect 0 '' ''
check "the mode of a secret" "$(stat -c %a "$dir/old")" 600
check "its lines" "$(wc -l <"$dir/old")" 1
run waldo key secret "$dir/new"
! cmp -s "$dir/old" "$dir/new" || die "two secrets are the same"
run waldo key secret "$dir/old"
expect 3 '' "waldo: $dir/old: is there already"
run waldo key secret "$dir/nowhere/secret"
expect 3 '' "waldo: $dir/nowhere/secret: No such file or directory"
run waldo key secret
expect 2 '' 'waldo: secret wants a FILE*'
start_server --psk-file "1:$dir/old" --psk-file "2:$dir/new" --psk-only
for slot in 1 2; do
	file=old
	[ "$slot" = 1 ] || file=new
	run waldo call "$uri/counter?psk=$slot" --psk-file "$slot:$dir/$file" \
		add 1
	expect 0 "$slot" ''
done
run waldo ls "$uri/counter?psk=1" --psk-file "1:$dir/old"
expect 0 '*counter*' ''
run waldo ls "$uri?psk=1" --psk-file "1:$dir/old"
expect 0 '*counter*' ''
run waldo describe "$uri/clock?psk=1" --psk-file "1:$dir/old"
expect 0 'Clock*' ''
run waldo ping -c 1 "$uri/clock?psk=1" --psk-file "1:$dir/old"
expect 0 '*1 sent, 1 answered*' ''
run waldo call "$uri/counter" get
expect 3 '' 'waldo: tcp:*: it refuses our version, or links without*[?]psk=*'
run waldo call "$uri/counter?psk=1" --psk-file "1:$dir/new" get
expect 3 '' 'waldo: *closed the connection; has it the same secret[?]'
run waldo call "$uri/counter?psk=3" --psk-file "3:$dir/new" get
expect 3 '' 'waldo: tcp:*closed the connection before*'
run waldo call "$uri/counter?psk=1" get
expect 2 '' 'waldo: [?]psk=1: there is no secret in that slot (--psk-file*'
run waldo call "waldo://@${uri#*@}/counter?psk=1" --psk-file "1:$dir/old" get
expect 2 '' "waldo: [?]psk=1: the URI needs the peer's key"
run waldo ls "$uri/counter?psk=1"
expect 2 '' 'waldo: [?]psk=1: there is no secret in that slot (--psk-file*'
run waldo call "$uri/counter?psk=256" get
expect 2 '' 'waldo: *[?]psk= and a number 1..255'
for text in "$dir/old" "0:$dir/old" "256:$dir/old" "1:" "x:$dir/old"; do
	run waldo call "$uri/counter?psk=1" --psk-file "$text" get
	expect 2 '' "waldo: --psk-file wants SLOT:FILE*, not '$text'*"
done
run waldo call "$uri/counter?psk=1" --psk-file "1:$dir/nothing" get
expect 3 '' "waldo: $dir/nothing: No such file or directory"
run waldo call "$uri/counter?psk=1" --psk-file "1:$dir/ann" get
expect 3 '' "waldo: $dir/ann: it is not the secret of a cluster*"
chmod 640 "$dir/old"
run waldo call "$uri/counter?psk=1" --psk-file "1:$dir/old" get
expect 3 '' "waldo: $dir/old: its mode is 640*"
stop_server
run waldo serve --demo --psk-only
expect 2 '' 'waldo: --psk-only wants a --psk-file*'
run waldo serve --demo --psk-file "1:$dir/old"
expect 3 '' "waldo: $dir/old: its mode is 640*"

# A grant keeps the slot of its URI, and is revoked by the whole of it.
run waldo grant "$dir/store" counter x --uri "waldo://KEY@host:1?psk=1"
expect 0 'waldo://KEY@host:1/???????????????????????????????????????????[?]psk=1' ''
run waldo revoke "$dir/store" "$out"
expect 0 '1 revoked' ''
finish
