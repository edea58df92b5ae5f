# SPDX-License-Identifier: Apache-2.0
# bash completion of openvirt. Verbs, options and their choices come from the program itself
# (`openvirt __complete`), so that nothing here has to follow when they change.
# shellcheck shell=bash disable=SC2207

# Options that take a value, from the lines of a table, into the caller's takes_value.
_openvirt_add_options() {
    local kind letter name argument
    while read -r kind letter name argument _; do
        [[ $kind == option && $argument != - ]] || continue
        takes_value[$name]=$name
        [[ $letter == - ]] || takes_value[$letter]=$name
    done
}

# The verb on the command line, into _openvirt_verb, and the number of operands behind it, into
# _openvirt_operands. The first argument is the program.
_openvirt_scan() {
    local word expect_value='' index
    _openvirt_verb='' _openvirt_operands=0 _openvirt_value_of=''
    local -A takes_value=()
    _openvirt_add_options < <("$1" __complete 2>/dev/null)
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $word == '=' ]]; then
            continue
        elif [[ $expect_value ]]; then
            expect_value=''
        elif [[ $word == -* ]]; then
            expect_value=${takes_value[$word]:-}
        elif [[ ! $_openvirt_verb ]]; then
            _openvirt_verb=$word
            _openvirt_add_options < <("$1" __complete "$word" 2>/dev/null)
        else
            _openvirt_operands=$((_openvirt_operands + 1))
        fi
    done
    _openvirt_value_of=$expect_value
}

# The lines of the verb's table, or of the global one.
_openvirt_table() {
    if [[ $_openvirt_verb ]]; then
        "$1" __complete "$_openvirt_verb" 2>/dev/null
    else
        "$1" __complete 2>/dev/null
    fi
}

_openvirt_value() { # PROGRAM CURRENT
    local choices
    choices=$(_openvirt_table "$1" | awk -v name="$_openvirt_value_of" \
        '$1 == "option" && $3 == name && $5 != "-" { gsub(",", " ", $5); print $5 }')
    if [[ $choices ]]; then
        COMPREPLY=($(compgen -W "$choices" -- "$2"))
    else
        COMPREPLY=($(compgen -f -- "$2"))
    fi
}

_openvirt() {
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]}
    local _openvirt_verb _openvirt_operands _openvirt_value_of
    [[ $current == '=' ]] && current=''
    _openvirt_scan "$program"
    if [[ $_openvirt_value_of ]]; then
        _openvirt_value "$program" "$current"
    elif [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$(_openvirt_table "$program" | awk '$1 == "option" { print $3 }')" \
            -- "$current"))
    elif [[ ! $_openvirt_verb || ($_openvirt_verb == help && $_openvirt_operands == 0) ]]; then
        COMPREPLY=($(compgen -W "$("$program" __complete 2>/dev/null |
            awk '$1 == "verb" { print $2 }')" -- "$current"))
    elif [[ $_openvirt_verb == kernel ]]; then
        if [[ $_openvirt_operands == 0 ]]; then
            COMPREPLY=($(compgen -W "fetch list rm" -- "$current"))
        else
            COMPREPLY=($(compgen -W "$("$program" kernel --quiet list 2>/dev/null)" -- "$current"))
        fi
    elif [[ $_openvirt_operands == 0 && $_openvirt_verb != @(run|create|restore) ]]; then
        COMPREPLY=($(compgen -W "$("$program" list --quiet 2>/dev/null)" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}

complete -F _openvirt openvirt
