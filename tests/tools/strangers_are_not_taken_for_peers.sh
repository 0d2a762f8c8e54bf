#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A port where something else answers, or nobody speaks, is one line and
# status 3, or 4 once the time is over.
. "$(dirname "$0")/lib.sh"

# listen_with SCRIPT: Python that is handed each connection as `c`; sets
# $port.
listen_with() {
	: >"$dir/port"
	start /usr/bin/python3 -c "
import socket, time
s = socket.create_server(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
kept = []
while True:
    c = s.accept()[0]
    kept.append(c)
    $1
" >"$dir/port"
	wait_for test -s "$dir/port"
	port=$(<"$dir/port")
}

call() {
	run waldo call --timeout 0.5 "waldo+tcp-insecure://127.0.0.1:$port/x" get
}

# Who talks another protocol, whether asked or not.
listen_with "c.sendall(b'SSH-2.0-OpenSSH_9.2\\r\\n')"
call
expect 3 '' 'waldo: *'
listen_with "c.recv(100); c.sendall(b'HTTP/1.0 400 Bad Request\\r\\n\\r\\n')"
call
expect 3 '' 'waldo: *'
listen_with "c.recv(100); c.sendall(bytes(1000))"
call
expect 3 '' 'waldo: *'
listen_with "c.sendall(b'\\xff' * 100000)"
call
expect 3 '' 'waldo: *'

# Who hangs up.
listen_with "c.close(); kept.clear()"
call
expect 3 '' 'waldo: *'

# Who says nothing: an HTTP server waits for the end of our first line.
listen_with "pass"
call
expect 4 '' "waldo: *:$port/x: no answer within 500 ms"
run waldo ls --timeout 0.2 "tcp-insecure:127.0.0.1:$port"
expect 4 '' 'waldo: *'
run waldo ping --timeout 0.2 -c 2 -i 0.1 \
	"waldo+tcp-insecure://127.0.0.1:$port/x"
expect 4 '*2 sent, 0 answered, 100% lost*' ''

: >"$dir/http"
start /usr/bin/python3 -u -m http.server -b 127.0.0.1 -d "$dir" 0 \
	>"$dir/http" 2>&1
wait_for grep -q 'port [1-9]' "$dir/http"
port=$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$dir/http" | head -n 1)
call
[ "$status" -eq 3 ] || [ "$status" -eq 4 ] || die "http.server: $status"
expect "$status" '' 'waldo: *'
finish
