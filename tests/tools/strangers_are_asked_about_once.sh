#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Encrypted links by the command line: a URI with a key works with nothing
# configured; a host without one is trusted by its fingerprint, once, and not
# with another key.
. "$(dirname "$0")/lib.sh"

start_server
by_key=$uri/counter
by_host=waldo://@${uri#*@}/counter
run waldo call "$by_key" add 2
expect 0 2 ''
run waldo ls "$uri"
expect 0 '*counter*' ''

run waldo call "$by_host" add 1
expect 3 '' 'waldo: 127.0.0.1:* is not known yet; if the fingerprint of its key is right: --trust ????-????-????-????-????'
print=${err##* }
check "the fingerprint" "$print" "$(waldo key fingerprint)"
run waldo call --trust aaaa-bbbb-cccc-dddd-eeee "$by_host" add 1
expect 3 '' "waldo: 127.0.0.1:*: the fingerprint of its key is $print, not aaaa-bbbb-cccc-dddd-eeee"
run waldo call --trust "$print" "$by_host" add 1
expect 0 3 ''
run waldo call "$by_host" add 1
expect 0 4 ''
run waldo call --known-hosts "$dir/others" "$by_host" add 1
expect 3 '' '*is not known yet*'
run waldo call --trust xyz "$by_host" add 1
expect 2 '' 'waldo: --trust wants a fingerprint*'

# What cannot be remembered is told, and a key in the URI needs no memory.
mkdir "$dir/folder"
: >"$dir/folder/file"
run waldo call --known-hosts "$dir/folder/file/x" --trust "$print" \
	"$by_host" get
expect 3 '' "waldo: $dir/folder/file/x: Not a directory"
run waldo call --known-hosts "$dir/nowhere/x" --trust "$print" "$by_host" get
expect 0 4 "waldo: a key is not remembered: $dir/nowhere/x: No such file*"
run env -u HOME -u XDG_STATE_HOME "$WALDO_BIN" call "$by_key" get
expect 0 4 ''
run env HOME=/dev/null XDG_STATE_HOME= "$WALDO_BIN" call "$by_key" get
expect 0 4 ''
run env -u HOME -u XDG_STATE_HOME "$WALDO_BIN" call "$by_host" get
expect 3 '' 'waldo: neither XDG_STATE_HOME nor HOME says where keys are kept'
run env HOME=/dev/null XDG_STATE_HOME= "$WALDO_BIN" call "$by_host" get
expect 3 '' 'waldo: /dev/null/.local: Not a directory'

# The same key after a restart, and another one at the same place.
port=${uri##*:}
stop_server
start_server --listen "tcp:127.0.0.1:$port"
run waldo call "$by_key" add 1
expect 0 1 ''
stop_server
start_server --listen "tcp:127.0.0.1:$port" --key "$dir/other"
run waldo call "$by_host" add 1
expect 3 '' "waldo: 127.0.0.1:$port shows another key than *was $print"
run waldo call "$by_key" add 1
expect 3 '' 'waldo: *had proved that it has the key*'
stop_server

# Keys.
run waldo key show
expect 0 "${by_key:8:52}" ''
run waldo key new "$dir/new"
expect 0 '*' ''
run waldo key show "$dir/new"
check "what was made" "${#out}" 52
run waldo key new "$dir/new"
expect 3 '' "waldo: $dir/new: is there already"
run waldo key show "$dir/nothing"
expect 3 '' "waldo: $dir/nothing: No such file or directory"
chmod 644 "$dir/new"
run waldo key show "$dir/new"
expect 3 '' "waldo: *$dir/new*"
run waldo key
expect 2 '' 'waldo: new, show, fingerprint or secret is wanted*'
finish
