# SPDX-License-Identifier: MIT
# For the scripts beside this file: each proves one claim about the command
# waldo, whose path is in WALDO_BIN, and ends with the number of its checks.
#
#   for_each_transport BODY   runs BODY with a server on a Unix socket, then
#                             with one on TCP; $uri is what its names follow
#   run COMMAND...            sets $out, $err and $status
#   expect STATUS OUT ERR     of the last run; OUT and ERR are patterns of [[
#   wait_for COMMAND...       until it succeeds, for ten seconds at most

set -u
: "${WALDO_BIN:?is the path of the command waldo}"
dir=$(mktemp -d)
export XDG_STATE_HOME=$dir/state
checks=0
started=""
server=""

cleanup() {
	exec 2>/dev/null # the shell tells of each that is killed
	local pid
	for pid in $started; do
		kill -KILL "$pid"
	done
	wait
	rm -rf "$dir"
}
trap cleanup EXIT

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

finish() {
	echo "$checks tests"
}

waldo() {
	"$WALDO_BIN" "$@"
}

run() {
	ran=$*
	out=$("$@" 2>"$dir/err" </dev/null)
	status=$?
	err=$(<"$dir/err")
}

expect() {
	local bad=""
	[ "$status" -eq "$1" ] || bad="status $status, not $1"
	# shellcheck disable=SC2053 # they are patterns
	[[ $out == $2 ]] || bad="$bad; printed '$out', not '$2'"
	# shellcheck disable=SC2053
	[[ $err == $3 ]] || bad="$bad; said '$err', not '$3'"
	[ "$(wc -l <"$dir/err")" -le 1 ] || bad="$bad; said more than one line"
	[ -z "$bad" ] || die "${transport:+on $transport: }$ran: ${bad#; }"
	checks=$((checks + 1))
}

# check WHAT ACTUAL EXPECTED
check() {
	[ "$2" = "$3" ] || die "${transport:+on $transport: }$1: '$2', not '$3'"
	checks=$((checks + 1))
}

wait_for() {
	local end=$((SECONDS + 10))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || die "waited in vain for: $*"
		sleep 0.01
	done
}

now_ms() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# start COMMAND...: in the background, to be ended by us; sets $pid.
start() {
	"$@" &
	pid=$!
	started="$started $pid"
}

# Its output is in $dir/NAME.out and .err; NAME is "serve" unless it is set.
start_server() {
	local out=$dir/${NAME:-serve}
	# What the last one said must not be taken for it; what this one says
	# of errors may be emptied in between.
	: >"$out.out"
	: >"$out.err"
	"$WALDO_BIN" serve --demo "$@" >"$out.out" 2>>"$out.err" &
	server=$!
	started="$started $server"
	wait_for grep -qx ready "$out.out"
	uri=$(sed -n 's|^publish echo \(.*\)/echo$|\1|p' "$out.out" | head -n 1)
}

# stop_server [PID]
stop_server() {
	kill -TERM "${1:-$server}"
	wait "${1:-$server}"
	check "status of the server after SIGTERM" "$?" 0
}

# Two servers: a and b are their URIs, a_pid and b_pid their processes. The
# third process is whoever calls one about an object of the other.
start_a_and_b() {
	NAME=a start_server --listen "${1-unix:$dir/a}"
	a=$uri a_pid=$server
	NAME=b start_server --listen "${1-unix:$dir/b}"
	b=$uri b_pid=$server
}

for_each_transport() {
	for transport in unix:"$dir/socket" tcp:127.0.0.1:0 \
		tcp-insecure:127.0.0.1:0; do
		start_server --listen "$transport"
		"$@"
		stop_server
	done
	transport=""
}

# The same with two of them.
for_each_transport_between_two() {
	for transport in unix tcp-insecure; do
		case $transport in
		unix) start_a_and_b ;;
		*) start_a_and_b tcp-insecure:127.0.0.1:0 ;;
		esac
		"$@"
		kill -KILL "$a_pid" "$b_pid" 2>/dev/null
		wait "$a_pid" "$b_pid" 2>/dev/null
	done
	transport=""
}
