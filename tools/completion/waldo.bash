# SPDX-License-Identifier: MIT
# Completion of waldo for bash. What there is to complete is asked of the
# command itself: its --help, and for a second at most what a peer publishes.

# COMMAND...: the output, of what may take its time.
_waldo_ask() {
	"$_waldo_command" "$@" 2>/dev/null </dev/null
}

# COMMAND: its options, one a line, as "-t --timeout SECONDS"; those that take
# no value have nothing behind them.
_waldo_options() {
	_waldo_ask "$1" --help | sed -n 's/^  *\(\(-[a-z]\), \)\{0,1\}\(--[a-z][a-z-]*\)\(\( [A-Z][A-Z:]*\)\{0,1\}\)  *.*/\2 \3\4/p'
	echo "-h --help"
}

# WORD...: those that begin with what there is become replies. A peer's words
# come this way too: what a shell would take for more than a word is left out.
_waldo_offer() {
	local word
	for word; do
		case $word in
		*[!A-Za-z0-9_.:/@+=~%,-]*) ;;
		"$cur"*) COMPREPLY+=("$word") ;;
		esac
	done
}

# PREFIX PATH SUFFIX: directories and sockets; behind those comes SUFFIX.
_waldo_sockets() {
	local path
	for path in "$2"*; do
		if [ -d "$path" ]; then
			_waldo_offer "$1$path/"
		elif [ -S "$path" ]; then
			_waldo_offer "$1$path$3"
		fi
	done
	compopt -o nospace 2>/dev/null
}

# PREFIX: what stands before the path, "1:" or nothing.
_waldo_files() {
	local path
	for path in "${cur#"$1"}"*; do
		if [ -d "$path" ]; then
			_waldo_offer "$1$path/"
		elif [ -f "$path" ]; then
			_waldo_offer "$1$path"
		fi
	done
	compopt -o nospace 2>/dev/null
}

# PREFIX: what stands before the URI, "@" or nothing.
_waldo_uris() {
	local uri=${cur#"$1"} place names
	case $uri in
	waldo://*@*/* | waldo+unix:*/* | waldo+tcp-insecure://*/*)
		place=${uri%/*}
		if [[ $uri != waldo+unix:* || -S ${place#waldo+unix:} ]]; then
			mapfile -t names < <(_waldo_ask ls -t 1 "$place/")
			_waldo_offer "${names[@]/#/$1$place/}"
			return
		fi
		;;
	esac
	case $uri in
	waldo+unix://*) _waldo_sockets "$1waldo+unix://" "${uri#*://}" / ;;
	waldo+unix:*) _waldo_sockets "$1waldo+unix:" "${uri#*:}" / ;;
	*)
		_waldo_offer "$1waldo://" "$1waldo+unix:" \
			"$1waldo+tcp-insecure://"
		compopt -o nospace 2>/dev/null
		;;
	esac
}

# PREFIX: "--listen=" or nothing.
_waldo_addresses() {
	case ${cur#"$1"} in
	unix:*) _waldo_sockets "$1unix:" "${cur#*unix:}" "" ;;
	*)
		_waldo_offer "$1tcp:" "$1unix:" "$1tcp-insecure:"
		compopt -o nospace 2>/dev/null
		;;
	esac
}

# URI
_waldo_methods() {
	local methods
	mapfile -t methods < <(_waldo_ask describe -t 1 "$1" |
		sed -n 's/^  \([^(]*\)(.*/\1/p')
	_waldo_offer "${methods[@]}"
}

# NUMBER URI LAST: the argument of that number, behind LAST.
_waldo_argument() {
	case $command in
	call)
		case $1,$3,$cur in
		1,*) _waldo_uris "" ;;
		2,*) _waldo_methods "$2" ;;
		*,*,@*) _waldo_uris @ ;;
		esac
		;;
	ls)
		_waldo_uris ""
		_waldo_addresses ""
		;;
	describe | ping) [ "$1" -gt 1 ] || _waldo_uris "" ;;
	grant | grants | revoke) [ "$1" -gt 1 ] || _waldo_files "" ;;
	key)
		case $1 in
		1) _waldo_offer new show fingerprint secret ;;
		2) _waldo_files "" ;;
		esac
		;;
	user)
		case $1 in
		1) _waldo_offer add passwd token key disable enable rm ls ;;
		2) _waldo_files "" ;;
		esac
		;;
	esac
}

_waldo_words() {
	local options option value="" number=0 uri="" only_words="" i
	options=$(_waldo_options "$command")
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		if [ -n "$value" ]; then
			value=""
		elif [ "${words[i]}" = -- ]; then
			only_words=yes
		elif [[ -z $only_words && ${words[i]} == -[a-z-]* ]]; then
			while read -r option; do
				[[ " $option " != *" ${words[i]} "* ||
					$option != *[A-Z] ]] || value=$option
			done <<<"$options"
		else
			number=$((number + 1))
			[ "$number" -ne 1 ] || uri=${words[i]}
		fi
	done
	case $value,$cur in
	*ADDRESS,*) _waldo_addresses "" ;;
	*SLOT:FILE,*:*) _waldo_files "${cur%%:*}:" ;;
	*SLOT:FILE,*) ;;
	*FILE,*) _waldo_files "" ;;
	*[A-Z],*) ;;
	,--listen=*) _waldo_addresses --listen= ;;
	,-*)
		[ -n "$only_words" ] || _waldo_offer $(grep -o -e '-[a-z-]*' \
			<<<"$options")
		;;
	*) _waldo_argument $((number + 1)) "$uri" ;;
	esac
}

_waldo() {
	local _waldo_command=${1/#\~/$HOME} words cur command i left
	local line=${COMP_LINE:0:COMP_POINT}

	# Not COMP_WORDS, which are broken at each colon.
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	cur=${words[${#words[@]} - 1]}
	command=${words[1]}
	COMPREPLY=()
	if [ ${#words[@]} -eq 2 ]; then
		_waldo_offer $(_waldo_ask --help |
			sed -n 's/^  \([a-z][a-z]*\) .*/\1/p') --help --version
	else
		_waldo_words
	fi

	# What is replaced begins behind the last colon.
	left=${cur%"${cur##*["$COMP_WORDBREAKS"]}"}
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$left"}
	done
}

complete -F _waldo waldo
