#!/bin/sh
# The Lona system, live: `make demo`. It boots sim/scenarios/lona.yaml, looks at it with the command line,
# kills a service in the middle of a client's call, and compares what the client counted with grep. Every
# step waits for an event of the system's own stream, never for time to pass. It fails if anything differs
# from what it should be.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build/release}
realm=$BUILD/bin/realm
text=build/lona/headers.txt
instance=demo-$$
folder=$(mktemp -d) || exit 1
events=$folder/events
: >"$events"
runtime=/tmp/realmkit-$(id -u)
[ -z "${XDG_RUNTIME_DIR:-}" ] || runtime=$XDG_RUNTIME_DIR/realmkit
system=
pids=

# --- telling, checking, cleaning up ---

say() { printf '\n== %s\n' "$*"; }
show() { sed 's/^/   /'; }
fail() {
    printf 'demo: FAILED: %s\n' "$*" >&2
    tail -n 12 "$events" >&2
    exit 1
}
check() { # WHAT COMMAND...: fails unless the command succeeds
    what=$1
    shift
    "$@" >/dev/null 2>&1 || fail "$what"
}
clean_up() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$system" ] && kill -0 "$system" 2>/dev/null; then
        kill -TERM "$system" # SIGINT is ignored by what a shell runs in the background
        wait "$system"
    fi
    rm -rf "$folder"
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Reads the event stream until a line matches the pattern. The stream ends when the system does, and then what
# is not there will never come. The pause is only between two looks at the file.
await() {
    while :; do
        if kill -0 "$system" 2>/dev/null; then running=yes; else running=no; fi
        grep -qE -- "$1" "$events" && return 0
        [ $running = yes ] || fail "the system ended without: $1"
        sleep 0.02
    done
}
# What realm $1 has logged so far.
log_of() { sed -nE "s/.*\"event\": ?\"log\".*\"realm\": ?\"$1\".*\"text\": ?\"(.*)\"\}\$/\1/p" "$events" | sed 's/\\"/"/g'; }
command_line() { # shows a command and what it says
    printf '$ realm %s\n' "$*"
    "$realm" "$@" --instance "$instance" | show
}

[ -x "$realm" ] && [ -s "$text" ] || fail "$realm or $text is missing: run make first"

# --- boot ---

say "Booting sim/scenarios/lona.yaml: client A, services database (B), logger (C), network (D), and C's child C1"
"$realm" run sim/scenarios/lona.yaml --json --instance "$instance" >"$events" 2>"$folder/errors" &
system=$!
for service in database logger network; do
    await "\"event\": ?\"registered\".*\"service\": ?\"$service\""
done
grep -E '"event": ?"registered"' "$events" | show

say "D is not among those who may log. The refusal names the rule and what would change it:"
await '"event": ?"denied".*"realm": ?"D"'
grep -E '"event": ?"denied".*"realm": ?"D"' "$events" | show

say "C1 may log, as C's child, and may not reach the network:"
await '"event": ?"denied".*"realm": ?"C1"'
await '"event": ?"terminated".*"realm": ?"C1"'
log_of C1 | show

say "A stores $(wc -l <"$text") lines of C headers in the database, one call each, and asks them back"
await 'waiting [0-9]+ ms for a packet'
launcher=$(cat "/proc/$system/task/$system/children")
pids="$system $launcher $(cat "/proc/${launcher% }/task/${launcher% }/children")"
check "the admin socket is not where it belongs" test -S "$runtime/$instance/admin.sock"
log_of A | show

# --- look at it, while A is in its call ---

say "A now waits inside a call to the network. Meanwhile, from outside:"
"$realm" ps --instance "$instance" >/dev/null # this asks the realms for their figures, the next look has them
command_line ps
command_line services
command_line channels
command_line caps
command_line explain C1 network

# --- kill ---

say "Killing D in the middle of A's call:"
command_line kill D
await '"event": ?"terminated".*"realm": ?"D"'
await 'REALM_E_'
log_of A | tail -n 1 | show
check "A was not told that its server died" grep -q 'REALM_E_PEER_DEAD' "$events"

wait "$system"
status=$?
system=
[ $status -eq 0 ] || fail "realm run ended with status $status: $(cat "$folder/errors")"
check "no refusal came with a fix" grep -qE '"event": ?"denied".*"fix": ?"[^"]+"' "$events"

# --- compare ---

say "What A counted through the database, and what grep counts in the file:"
for word in struct define seccomp zzz-no-such; do
    counted=$(log_of A | sed -nE "s/^count $word ([0-9]+) .*/\1/p")
    expected=$(LC_ALL=C grep -acF -e "$word" "$text")
    printf '   %-12s %8s %8s\n' "$word" "$counted" "$expected"
    [ "$counted" = "$expected" ] || fail "the counts of '$word' differ"
done
stored=$(log_of A | sed -nE 's/^stored ([0-9]+) lines.*/\1/p')
[ "$stored" = "$(wc -l <"$text")" ] || fail "stored $stored lines"
check "C logged nothing for A" sh -c "grep -E '\"event\": ?\"log\".*\"realm\": ?\"C\"' '$events' | grep -q 'A has stored its text'"

# --- nothing is left ---

say "Nothing is left:"
for pid in $pids; do
    ! kill -0 "$pid" 2>/dev/null || fail "process $pid is still there"
done
[ ! -e "$runtime/$instance/admin.sock" ] || fail "$runtime/$instance/admin.sock is still there"
printf '   none of the %s processes, no socket. Everything was as it should be.\n' "$(echo "$pids" | wc -w)"
