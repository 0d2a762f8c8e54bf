# SPDX-License-Identifier: MIT
# complete.zsh FOLDER: for each line of the standard input what zsh would
# complete there, one a line, and then an empty line; with the completions in
# FOLDER, by an interactive shell at a terminal of its own.
zmodload zsh/zpty
cd ${TMPDIR:-/tmp}
zpty shell env ZDOTDIR=/nonexistent PS1= zsh -f -i
say() { zpty -w shell "$1" }
say "unsetopt zle_bracketed_paste prompt_cr prompt_sp 2>/dev/null; stty -echo"
say "fpath=(${(q)1} \$fpath); autoload -Uz compinit && compinit -D -u"
say 'compadd() {
	local -a hits
	if [[ ${@[1,(i)(-|--)]} = *-[OAD]* ]]; then builtin compadd "$@"; return; fi
	builtin compadd -A hits "$@"
	[[ $#hits -eq 0 ]] || print -rl -- "" "HIT:"$^hits
	builtin compadd "$@"
}'
say 'tell() { zle complete-word; print -r -- $'"'\\n'"'DONE:; BUFFER= }; zle -N tell'
say 'bindkey "^I" tell; print -r -- "READY":'
while zpty -r shell line; do
	[[ $line != *READY:* ]] || break
done
while IFS= read -r line; do
	zpty -w -n shell "$line"$'\t'
	while zpty -r shell line; do
		line=${line%$'\n'} line=${line%$'\r'}
		case $line in
		*HIT:*) print -r -- ${line##*HIT:} ;;
		*DONE:*) break ;;
		esac
	done
	print
done
zpty -d shell
