#!/bin/sh
# make bench: boots one small system for each measurement, in all of which bench/bench plays the realms, and
# prints one table. `bench/run.sh --json` prints one JSON object a case. docs/performance.md explains the cases.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=$(cd "${BUILD:-build/release}" && pwd) || exit 1
realm=$BUILD/bin/realm
bench=$BUILD/bin/bench
folder=$(mktemp -d "$BUILD/bench.XXXXXX") || exit 1
results=$folder/results
system=

clean_up() {
    status=$?
    trap - EXIT INT TERM
    stop
    rm -rf "$folder"
    exit $status
}
stop() {
    [ -z "$system" ] || { kill -INT "$system" 2>/dev/null && wait "$system"; }
    system=
}
trap clean_up EXIT
trap 'exit 130' INT TERM
note() { printf 'bench: %s\n' "$*" >&2; }

# --- a system at a time ---

boot() { # NAME: boots $folder/NAME.yaml in the background
    name=$1
    events=$folder/$name.events
    "$realm" run "$folder/$name.yaml" --json --instance "bench-$$" >"$events" 2>"$folder/$name.errors" &
    system=$!
}
# Waits until as many lines of the event stream match the pattern.
await() { # COUNT PATTERN
    while [ "$(grep -cE -- "$2" "$events")" -lt "$1" ]; do
        kill -0 "$system" 2>/dev/null || { note "$name ended too early"; cat "$folder/$name.errors" >&2; return 1; }
        sleep 0.05
    done
}
collect() { # waits for the system's own end and takes the results from its log
    wait "$system" || { note "$name failed"; cat "$folder/$name.errors" >&2; tail -n 5 "$events" >&2; }
    system=
    sed -nE 's/.*"text": ?"(result\|[^"]*)".*/\1/p' "$events" >>"$results"
}
# The processes of the realms whose names match. `realm ps` would wake every realm to ask for its statistics.
pids_of() { # PATTERN
    sed -nE "s/.*\"event\": ?\"started\".*\"realm\": ?\"($1)\".*\"pid\": ?([0-9]+).*/\2/p" "$events"
}
# The broker is the launcher's child that is no realm; the launcher is the front end's only child.
broker_pid() {
    launcher=$(tr -d ' \n' <"/proc/$system/task/$system/children")
    realms=" $(pids_of ".*" | tr '\n' ' ') "
    for child in $(cat "/proc/$launcher/task/$launcher/children"); do
        case "$realms" in *" $child "*) ;; *) echo "$child" ;; esac
    done
}
pair() { # NAME SERVER_ROLE SERVER_CPU CALLER_ROLE CALLER_CPU: one answering, one measuring realm, and the memory of the floors
    head -c 4096 /dev/zero >"$folder/floor"
    cat >"$folder/$1.yaml" <<YAML
system: $1
realms:
  - {name: server, program: $bench, args: [$2, bench, "$3"], files: {floor: {path: $folder/floor, mode: rw}}}
  - {name: caller, program: $bench, args: [$4, "$5"], files: {floor: {path: $folder/floor, mode: rw}}}
services:
  - {name: bench, provider: server, access: [caller]}
YAML
}

# --- the cases ---

latency() { # SERVER_ROLE SERVER_CPU CALLER_ROLE CALLER_CPU
    pair "$3" "$@"
    boot "$3"
    collect
}

million() {
    pair million server 0 million "$last_cpu"
    printf 0 >"$folder/gate"
    sed -i "s|files: {floor|files: {gate: {path: $folder/gate, mode: rw}, floor|" "$folder/million.yaml"
    boot million
    until [ "$(cat "$folder/gate")" = 1 ]; do
        kill -0 "$system" 2>/dev/null || { collect; return; }
        sleep 0.05
    done
    broker=$(broker_pid)
    before=$("$bench" counters "$broker")
    while sleep 0.2 && now=$("$bench" counters "$broker") && [ "$now" != "$before" ]; do before=$now; done
    printf 2 | dd of="$folder/gate" conv=notrunc 2>/dev/null
    until [ "$(cat "$folder/gate")" = 3 ]; do
        kill -0 "$system" 2>/dev/null || { collect; return; }
        sleep 0.05
    done
    after=$("$bench" counters "$broker")
    printf 4 | dd of="$folder/gate" conv=notrunc 2>/dev/null
    collect
    echo "result|broker switches and calls in 1 000 000 calls|times|$((after - before)).0|0|0|0|0|value|0" >>"$results"
}

idle() {
    {
        echo "system: idle"
        echo "realms:"
        echo "  - {name: server, program: $bench, args: [server, bench]}"
        for i in 1 2 3 4 5; do echo "  - {name: connected$i, program: $bench, args: [settle]}"; done
        for i in 1 2 3 4; do echo "  - {name: alone$i, program: $bench, args: [idle]}"; done
        echo "services:"
        echo "  - {name: bench, provider: server, access: [all]}"
    } >"$folder/idle.yaml"
    boot idle
    await 10 '"event": ?"opened"' && await 5 '"text": ?"settled"' || return
    sleep 1 # whatever follows a start is over; the measuring itself takes two more
    # shellcheck disable=SC2046
    "$bench" wakeups 2 $(pids_of ".*") >>"$results"
    stop
}

many() {
    {
        echo "system: many"
        echo "realms:"
        echo "  - {name: server, program: $bench, args: [server, bench]}"
        for i in $(seq 199); do echo "  - {name: c$i, program: $bench, args: [settle]}"; done
        echo "services:"
        echo "  - {name: bench, provider: server, access: [all]}"
    } >"$folder/many.yaml"
    boot many
    await 199 '"text": ?"settled"' || return
    # shellcheck disable=SC2046
    "$bench" memory $(pids_of ".*") >>"$results"
    "$bench" channel "$(pids_of c1)" >>"$results"
    stop
}

last_cpu=$(($(nproc) - 1))
: >"$results"
if [ "$last_cpu" -gt 0 ]; then
    note "calls between two processors, beside the spin floor"
    latency server 0 awake "$last_cpu"
    note "the same, when the server sleeps"
    latency server 0 asleep "$last_cpu"
else
    note "skipped: calls between two processors (there is one)"
fi
note "calls on one processor, beside the futex floor"
latency parked-server 0 parked 0
note "connecting"
latency server 0 connect "$last_cpu"
note "a million calls, watching the broker"
million
note "ten idle realms"
idle
note "two hundred realms"
many
if ! "$bench" table "$@" <"$results"; then
    echo "bench: a goal is missed (neighbours on the machine? run it again)" >&2
    exit 1
fi
rows=$(grep -c '^result|' "$results")
if [ "$rows" -lt 9 ]; then
    echo "bench: only $rows cases gave a figure" >&2
    exit 1
fi
