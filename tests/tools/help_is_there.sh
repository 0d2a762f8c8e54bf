#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --help and --version answer on stdout with status 0; what is told there
# fits a terminal.
. "$(dirname "$0")/lib.sh"

run waldo --version
expect 0 'waldo [0-9]*.[0-9]*.[0-9]*' ''
run waldo --help
expect 0 'usage: waldo *Exit status:*' ''
commands=$(sed -n 's/^  \([a-z]\{2,\}\) .*/\1/p' <<<"$out")
check "the commands" "$(xargs <<<"$commands")" \
	"serve call ls describe ping grant grants revoke user key bench"
for command in $commands; do
	run waldo "$command" --help
	expect 0 "usage: waldo $command *" ''
	long=$(awk 'length($0) > 79' <<<"$out")
	check "long lines in its help" "$long" ""
	run waldo "$command" -h nonsense --nonsense
	expect 0 "usage: waldo $command *" ''
done

finish
