#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# waldo user makes accounts, with which waldo call logs in; what is wrong is
# told alike, and no secret stands on a command line, in a log, or goes over a
# network in clear.
. "$(dirname "$0")/lib.sh"

store=$dir/accounts
run waldo user add "$store" ann
expect 0 "" ""
run waldo user add "$store" ann
expect 2 "" "waldo: accounts: 'ann' is there already"
check "the mode of the file" "$(stat -c %a "$store")" 600

# ask TEXT COMMAND...: run, with TEXT on stdin.
ask() {
	local text=$1
	shift
	ran=$*
	out=$("$@" 2>"$dir/err" <<<"$text")
	status=$?
	err=$(<"$dir/err")
}
ask sesame waldo user passwd "$store" ann
expect 0 "" ""
ask "" waldo user passwd "$store" ann
expect 2 "" "waldo: Password: a line of 1 to 1024 bytes is wanted"
run waldo user passwd "$store" bob
expect 3 "" "waldo: accounts: there is no account 'bob'"

body() {
	ask sesame waldo call "$gate" --login ann whoami
	expect 0 '"ann"' ""
	ask sesame waldo call "$gate" --login ann --repeat 2 greet
	expect 0 '"hello, ann"
"hello, ann"' ""
	ask wrong waldo call "$gate" --login ann whoami
	expect 1 "" "waldo.Denied: login failed"
	ask sesame waldo call "$gate" --login nobody whoami
	expect 1 "" "waldo.Denied: login failed"
	run waldo call "$gate" --token-file "$dir/token" whoami
	expect 0 '"ann"' ""
}

run waldo user token "$store" ann
expect 0 "???????????????????????????????????????????" ""
(umask 077 && echo "$out" >"$dir/token")
token=$out
for transport in unix:"$dir/socket" tcp:127.0.0.1:0; do
	start_server --listen "$transport" --accounts "$store"
	gate=$uri/gate
	check "what is published" \
		"$(grep -c "^publish gate $gate\$" "$dir/serve.out")" 1
	body
	grep -q "denied='ann: wrong password'" "$dir/serve.err" ||
		die "the log does not say what was wrong"
	check "secrets in the log" \
		"$(grep -c -e sesame -e "$token" "$dir/serve.err")" 0
	check "secrets in the trace of whoever logs in" "$(
		WALDO_TRACE=1 waldo call "$gate" --token-file "$dir/token" \
			whoami 2>&1 | grep -c -e "$token")" 0
	check "what is shown instead" "$(
		WALDO_TRACE=1 waldo call "$gate" --token-file "$dir/token" \
			whoami 2>&1 | grep -c "'login'.*not shown\|\"login\".*not shown")" 1
	stop_server
done
transport=""

# A host that is met just now gets no secret; one that was met before does.
start_server --accounts "$store"
host=waldo://@${uri#*@}/gate
print=$(waldo key fingerprint)
ask sesame waldo call --trust "$print" --login ann "$host" whoami
expect 3 "" "waldo: $host: a secret is sent only to a host that is known already; waldo ls $host meets it"
run waldo ls --trust "$print" "$host"
expect 0 "*gate*" ""
ask sesame waldo call --login ann "$host" whoami
expect 0 '"ann"' ""
stop_server

start_server --listen "unix:$dir/socket" --accounts "$store"
gate=$uri/gate

# Login and the first call leave together: nothing comes in between.
WALDO_TRACE=1 waldo call "$gate" --token-file "$dir/token" whoami \
	>/dev/null 2>"$dir/trace"
grep -q 'CALL.*whoami' "$dir/trace" || die "no call in the trace"
check "answers before the first call" \
	"$(sed '/CALL.*whoami/q' "$dir/trace" | grep -c ' < RETURN')" 0

# Another process changes who may.
run waldo user disable "$store" ann
expect 0 "" ""
ask sesame waldo call "$gate" --login ann whoami
expect 1 "" "waldo.Denied: login failed"
run waldo call "$gate" --token-file "$dir/token" whoami
expect 1 "" "waldo.Denied: login failed"
run waldo user ls "$store"
check "the accounts" "$(cut -f 1-5 <<<"$out" | tr '\t\n' ' ;')" \
	"NAME STATE PASSWORD TOKENS KEYS;ann disabled yes 1 0;"
run waldo user enable "$store" ann
expect 0 "" ""
ask sesame waldo call "$gate" --login ann whoami
expect 0 '"ann"' ""
run waldo user key "$store" ann short
expect 2 "" "waldo: a KEY of 52 letters is wanted, not 'short'*"
run waldo user key "$store" ann \
	aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaba
expect 0 "" ""
run waldo user ls "$store"
check "the keys" "$(tail -n 1 <<<"$out" | cut -f 5)" 1
run waldo user rm "$store" ann
expect 0 "" ""
run waldo call "$gate" --token-file "$dir/token" whoami
expect 1 "" "waldo.Denied: login failed"

# What is not sent, not even tried.
run waldo call waldo+tcp-insecure://192.0.2.7:1/gate --token-file \
	"$dir/token" whoami
expect 2 "" "waldo: waldo+tcp-insecure://192.0.2.7:1/gate: a secret is not*"
chmod 644 "$dir/token"
run waldo call "$gate" --token-file "$dir/token" whoami
expect 3 "" "waldo: $dir/token: its mode is 644; a secret is for its owner*"
run waldo call "$gate" --token-file "$dir/nothing" whoami
expect 3 "" "waldo: $dir/nothing: No such file or directory"
run waldo call "$gate" --login ann --token-file "$dir/token" whoami
expect 2 "" "waldo: --login and --token-file are two ways*"
run waldo user ls "$dir/nothing"
expect 3 "" "waldo: $dir/nothing: No such file or directory"
run waldo user "$store" ann
expect 2 "" "waldo: '$store': add, passwd, *or ls is wanted*"
run waldo user
expect 2 "" "waldo: add, passwd, *or ls is wanted*"
run waldo user add "$store"
expect 2 "" "waldo: add wants a STORE and a NAME*"
run waldo user ls "$store" ann
expect 2 "" "waldo: ls wants a STORE (*"
run waldo user key "$store" ann
expect 2 "" "waldo: key wants a STORE, a NAME and a KEY*"
stop_server

# A checker of one's own.
: >"$dir/club.out"
"${WALDO_CHECKER:?is the path of the example}" "unix:$dir/club" swordfish \
	>"$dir/club.out" &
club=$!
started="$started $club"
wait_for grep -qx ready "$dir/club.out"
gate=waldo+unix://$dir/club/gate
run waldo call "$gate" login '{"name": "bob", "word": "swordfish"}' / greet
expect 0 '"bob"' ""
wait_for grep -qx "bob has left" "$dir/club.out"
run waldo call "$gate" login '{"name": "bob", "word": "sword"}' / greet
expect 1 "" "waldo.Denied: *login failed"
run waldo call "$gate" login '{"name": "bob"}' / greet
expect 1 "" "waldo.Denied: *login: the credentials must be: name word"
kill -TERM "$club"
wait "$club" 2>/dev/null
finish
