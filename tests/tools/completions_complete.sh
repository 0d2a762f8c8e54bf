#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bash, zsh and fish complete commands, options, addresses, sockets, published
# names and methods, all alike; what options there are is what the help says,
# and the command takes each.
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
completion=$here/../../tools/completion
export XDG_STATE_HOME=$dir/.state # which is not among what is completed
PATH=$(dirname "$WALDO_BIN"):$PATH

# LINE: the whole words that bash would complete, one a line. What it replaces
# begins behind the last colon, so that only the rest is among its replies.
complete_in_bash() {
	bash --norc -c '
		. "$1/waldo.bash"
		COMP_LINE=$2 COMP_POINT=${#2}
		_waldo waldo
		word=${COMP_LINE##* }
		tail=${word##*[:=@]}
		for reply in "${COMPREPLY[@]}"; do
			printf "%s\n" "${word%"$tail"}$reply"
		done' bash "$completion" "$1"
}

# One shell completes it all: to start one takes it as long as ten completions.
complete_in_zsh() {
	local line
	if [ -z "${zsh_in:-}" ]; then
		coproc zsh -f "$here/complete.zsh" "$completion"
		zsh_out=${COPROC[0]} zsh_in=${COPROC[1]}
		started="$started $COPROC_PID"
	fi
	echo "$1" >&"$zsh_in"
	while read -r -t 20 -u "$zsh_out" line && [ -n "$line" ]; do
		printf '%s\n' "$line"
	done
}

complete_in_fish() {
	HOME=$dir/.home XDG_CONFIG_HOME=$dir/.home fish --no-config -c '
		source $argv[1]/waldo.fish
		complete -C $argv[2]' -- "$completion" "$1" | cut -f 1
}

# LINE [WORD...]: are what it is completed to.
completes() {
	local line=$1
	shift
	"complete_in_$shell" "$line" >"$dir/words" # in this shell, for zsh's
	check "in $shell: '$line'" "$(sort "$dir/words" | paste -s -d ' ')" \
		"$(printf '%s\n' "$@" | sort | paste -s -d ' ')"
}

# LINE: is completed to a file, of which zsh tells the last part alone.
completes_file() {
	"complete_in_$shell" "$1" >"$dir/words"
	check "in $shell: '$1'" "$(sed 's|.*/||' "$dir/words")" file
}

# COMMAND: its options by its help.
options_of() {
	waldo "$1" --help | grep -o -e '^ *\(-[a-z], \)\?--[a-z-]\+' |
		grep -o -e '-[a-z-]*'
	printf '%s\n' -h --help
}

options() {
	local command
	for command in $commands; do
		# shellcheck disable=SC2046 # words
		completes "waldo $command -" $(options_of "$command")
	done
	completes "waldo call --o" --one-way
	completes "waldo call --timeout "
	completes "waldo call -t 3 --rep" --repeat
	completes "waldo call -- --o"
}

places() {
	local socket=$dir/socket
	completes "waldo call " waldo:// waldo+unix: waldo+tcp-insecure://
	completes "waldo ls u" unix:
	completes "waldo serve --listen " tcp: unix: tcp-insecure:
	completes "waldo serve --demo --listen=t" --listen=tcp: \
		--listen=tcp-insecure:
	completes "waldo serve -l unix:$dir/s" "unix:$socket"
	completes "waldo ls unix:$dir/" "unix:$socket" "unix:$dir/folder/"
	completes "waldo call waldo+unix://$dir/" "waldo+unix://$socket/" \
		"waldo+unix://$dir/folder/"
	completes "waldo call waldo+unix://$dir/nothing"
	completes "waldo key " new show fingerprint secret
	completes_file "waldo key show $dir/fi"
	completes_file "waldo call --key $dir/fi"
	completes_file "waldo call --psk-file 1:$dir/fi"
	completes "waldo call --psk-file "
	completes "waldo user pa" passwd
	completes_file "waldo user add $dir/fi"
	completes_file "waldo grants $dir/fi"
}

peers() {
	local uri
	for uri in "${uris[@]}"; do
		completes "waldo call $uri/" \
			"$uri"/{echo,counter,factory,clock,relay}
		completes "waldo describe $uri/c" "$uri/counter" "$uri/clock"
		completes "waldo ping -c 1 $uri/ec" "$uri/echo"
		completes "waldo ping $uri/echo "
		completes "waldo call $uri/echo " echo sleep fail
		completes "waldo call --stay -t 2 $uri/counter w" watch
		completes "waldo call $uri/relay call @w" \
			@waldo:// @waldo+unix: @waldo+tcp-insecure://
		completes "waldo call $uri/relay call @$uri/e" "@$uri/echo"
		completes "waldo call $uri/nothing "
	done
}

commands=$(waldo --help | sed -n 's/^  \([a-z]\{2,\}\) .*/\1/p')
for command in $commands; do
	for option in $(options_of "$command"); do
		run waldo "$command" "$option" -h
		[[ $err != *"unknown option"* ]] ||
			die "waldo $command does not know $option"
		checks=$((checks + 1))
	done
done

mkdir "$dir/folder"
: >"$dir/file"
start_server --listen "unix:$dir/socket" --listen tcp-insecure:127.0.0.1:0 \
	--listen tcp:127.0.0.1:0
mapfile -t uris < <(sed -n 's|^publish echo \(.*\)/echo$|\1|p' \
	"$dir/serve.out")
check "addresses" "${#uris[@]}" 3
for shell in bash zsh fish; do
	if ! command -v "$shell" >/dev/null; then
		[ "${CI:-}" != true ] || die "$shell is not installed"
		echo "$shell is not installed" >&2
		continue
	fi
	# shellcheck disable=SC2046,SC2086 # words
	completes "waldo " $commands --help --version
	completes "waldo des" describe
	options
	places
	peers
done
finish
