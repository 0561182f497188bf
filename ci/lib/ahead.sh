# SPDX-License-Identifier: MIT
# Sourced by ci/test: what is built in the background, one after the other, while tests run, many of which
# wait more than they work. It has the processors that nothing else wants.
# shellcheck shell=bash

# ahead NAME COMMAND...: one of those, for the function that begin_ahead is given.
ahead() {
    local name=$1 end="done"
    shift
    # Not as a condition: there, errors would not end it.
    ("$@") >"$ahead_place/$name.log" 2>&1 &
    wait $! || end=broken
    touch "$ahead_place/$name.$end"
}

# begin_ahead FUNCTION: starts it; its commands see what is set now.
begin_ahead() {
    ahead_place=$build/ahead
    rm -rf "$ahead_place"
    mkdir -p "$ahead_place"
    # A process group of its own, so that all of it can be ended.
    set -m
    {
        set +m
        renice -n 10 -p "$BASHPID" >/dev/null
        "$1"
    } </dev/null >"$ahead_place/all.log" 2>&1 9>&- &
    ahead_process=$!
    set +m
}

# await NAME: until it is built; dies with what was said if it cannot be.
await() {
    local name=$1
    until [ -e "$ahead_place/$name.done" ]; do
        if [ -e "$ahead_place/$name.broken" ] || ! kill -0 "$ahead_process" 2>/dev/null; then
            # It may have been done between the two questions.
            [ ! -e "$ahead_place/$name.done" ] || break
            cat "$ahead_place/all.log" "$ahead_place/$name.log" >&2 || true
            die "$name was not built"
        fi
        sleep 0.2
    done
    cat "$ahead_place/$name.log" >&2
}

# For the end of the script, whatever it comes from.
end_ahead() {
    [ -n "${ahead_process:-}" ] || return 0
    kill -- "-$ahead_process" 2>/dev/null || true
    wait "$ahead_process" 2>/dev/null || true
    ahead_process=
}
