#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# At a terminal the command asks: whether a host is trusted, and for passwords,
# which are not shown there.
. "$(dirname "$0")/lib.sh"

# at_terminal ANSWER... -- COMMAND...: runs it at a terminal of its own, where
# each line is typed once it waits for one; sets $status, and $out to what was
# to be seen.
at_terminal() {
	ran=$*
	out=$(/usr/bin/python3 - "$@" <<'PYTHON'
import os, pty, select, sys, time

split = sys.argv.index("--")
answers, command = sys.argv[1:split], sys.argv[split + 1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b""
end = time.monotonic() + 20
while time.monotonic() < end:
    if not select.select([terminal], [], [], 0.1)[0]:
        continue
    try:
        text = os.read(terminal, 4096)
    except OSError:  # nobody has it open any more
        break
    seen += text
    # What is waited for ends with a space.
    if answers and seen.endswith((b"? ", b": ")):
        os.write(terminal, answers.pop(0).encode() + b"\n")
        seen += b"|"
else:
    os.kill(pid, 9)
sys.stdout.write(seen.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
PYTHON
	)
	status=$?
	: >"$dir/err"
	err=""
}

store=$dir/accounts
run waldo user add "$store" ann
at_terminal sesame sesame -- "$WALDO_BIN" user passwd "$store" ann
expect 0 $'Password: |\nAgain: |*' ''
[[ $out != *sesame* ]] || die "the password was to be seen"
at_terminal one two -- "$WALDO_BIN" user passwd "$store" ann
expect 2 $'Password: |\nAgain: |\nwaldo: they are not the same' ''

start_server --accounts "$store"
place=${uri#*@}
at_terminal no -- "$WALDO_BIN" call "waldo://@$place/counter" get
expect 3 "$place is not known yet. The fingerprint of its key is
  ????-????-????-????-????
Is it the right one [(]yes or no)[?] |no
waldo: $place is not trusted; its key has the fingerprint ????-????-*" ''
at_terminal y yes -- "$WALDO_BIN" call "waldo://@$place/counter" get
expect 0 "*[(]yes or no)[?] |y
yes or no[?] |yes
0" ''
at_terminal -- "$WALDO_BIN" call "waldo://@$place/counter" get
expect 0 0 ''
at_terminal sesame -- "$WALDO_BIN" call "$uri/gate" --login ann whoami
expect 0 $'Password: |\n"ann"' ''
at_terminal wrong -- "$WALDO_BIN" call "$uri/gate" --login ann whoami
expect 1 $'Password: |\nwaldo.Denied: login failed' ''

# An argument's host is asked about as well.
export XDG_STATE_HOME=$dir/other
at_terminal yes -- "$WALDO_BIN" call "$uri/echo" echo "@waldo://@$place/counter"
expect 0 "*[(]yes or no)[?] |yes
[[]{\"[$]ref\": \"Counter#1\"}[]]" ''
export XDG_STATE_HOME=$dir/third
run waldo call "$uri/echo" echo "@waldo://@$place/counter"
expect 3 '' "waldo: $place is not known yet; *--trust ????-*"
stop_server
finish
