# SPDX-License-Identifier: MIT
# Completion of waldo for fish. What there is to complete is asked of the
# command itself: its --help, and for a second at most what a peer publishes.

# ARGUMENT...: the output, of what may take its time.
function __waldo_ask
    set -l words (commandline -opc)
    $words[1] $argv 2>/dev/null </dev/null
end

# Sockets and directories of the path $argv[2], behind $argv[1]; behind a
# socket comes $argv[3].
function __waldo_sockets
    set -l path $argv[2]
    for found in $path*
        if test -d $found
            printf '%s/\n' $argv[1]$found
        else if test -S $found
            printf '%s\n' $argv[1]$found$argv[3]
        end
    end
end

# $argv[1] stands before the URI: "@" or nothing.
function __waldo_uris
    set -l before $argv[1]
    set -l uri (string replace -- "$before" '' (commandline -ct))
    set -l place (string replace -r '/[^/]*$' '' -- "$uri")
    set -l path (string replace waldo+unix: '' -- "$place")
    if string match -q 'waldo+tcp-insecure://*/*' -- "$uri"
        or string match -q 'waldo://*@*/*' -- "$uri"
        or begin
            string match -q 'waldo+unix:*/*' -- "$uri"
            and test -S "$path"
        end
        for name in (__waldo_ask ls -t 1 $place/)
            printf '%s\n' $before$place/$name
        end
    else if string match -q 'waldo+unix://*' -- "$uri"
        __waldo_sockets $before'waldo+unix://' (string sub -s 14 -- $uri) /
    else if string match -q 'waldo+unix:*' -- "$uri"
        __waldo_sockets $before'waldo+unix:' (string sub -s 12 -- $uri) /
    else
        printf '%s\n' $before'waldo://' $before'waldo+unix:' \
            $before'waldo+tcp-insecure://'
    end
end

# $argv[1] stands before the address: "--listen=" or nothing.
function __waldo_addresses
    set -l before $argv[1]
    set -l address (string replace -- "$before" '' (commandline -ct))
    if string match -q 'unix:*' -- "$address"
        __waldo_sockets $before'unix:' (string sub -s 6 -- $address) ''
    else
        printf '%s\n' $before'tcp:' $before'unix:' $before'tcp-insecure:'
    end
end

# The options of a command, as "-t|--timeout|SECONDS|what for".
function __waldo_options
    __waldo_ask $argv[1] --help | sed -n \
        's/^  *\(\(-[a-z]\), \)\{0,1\}\(--[a-z][a-z-]*\)\( \([A-Z][A-Z:]*\)\)\{0,1\}  *\(.*\)/\2|\3|\5|\6/p'
    echo '-h|--help||print help'
end

# The argument of number $argv[2] of the command $argv[1], whose first is
# $argv[3].
function __waldo_argument
    switch $argv[1],$argv[2]
        case call,1 describe,1 ping,1
            __waldo_uris ''
        case call,2
            __waldo_ask describe -t 1 $argv[3] |
                sed -n 's/^  \([^(]*\)(.*/\1/p'
        case 'call,*'
            if string match -q '@*' -- (commandline -ct)
                __waldo_uris @
            end
        case user,1
            printf '%s\n' add passwd token key disable enable rm ls
        case key,1
            printf '%s\n' new show fingerprint secret
        case grant,1 grants,1 revoke,1 user,2 key,2
            __fish_complete_path (commandline -ct)
        case ls,1
            __waldo_uris ''
            __waldo_addresses ''
    end
end

function __waldo_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l options (__waldo_options $words[2])
    set -l number 0
    set -l value ''
    set -l first ''
    set -l only_words ''
    for word in $words[3..]
        if test -n "$value"
            set value ''
        else if test "$word" = --
            set only_words yes
        else if test -z "$only_words"
            and string match -qr '^-[a-z-]' -- $word
            for option in $options
                set -l parts (string split '|' -- $option)
                if contains -- $word $parts[1 2]
                    set value $parts[3]
                end
            end
        else
            set number (math $number + 1)
            if test $number -eq 1
                set first $word
            end
        end
    end
    if test "$value" = ADDRESS
        __waldo_addresses ''
    else if test "$value" = FILE
        __fish_complete_path (commandline -ct)
    else if test "$value" = SLOT:FILE
        set -l parts (string split -m 1 : -- "$current")
        if set -q parts[2]
            printf "$parts[1]:%s\n" (__fish_complete_path $parts[2])
        end
    else if test -n "$value"
        return
    else if string match -q -- '--listen=*' "$current"
        __waldo_addresses --listen=
    else if string match -q -- '-*' "$current"; and test -z "$only_words"
        for option in $options
            set -l parts (string split '|' -- $option)
            for name in $parts[1 2]
                test -z "$name"; or printf '%s\t%s\n' $name $parts[4]
            end
        end
    else
        __waldo_argument $words[2] (math $number + 1) "$first"
    end
end

function __waldo_complete
    if test (count (commandline -opc)) -eq 1
        __waldo_ask --help | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
        printf '%s\t%s\n' --help 'print help' --version 'print the version'
    else
        __waldo_words
    end
end

complete -c waldo -f -a '(__waldo_complete)'
