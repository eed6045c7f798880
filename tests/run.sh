#!/bin/sh
# Runs test programs, one line each, and sums up. A Criterion program must close with its synthesis line and have
# run at least one test; a plain program (tests/stress) counts as one. The output of a failing program is shown
# whole. Unit and property tests run as many at once as there are processors; the others, which boot systems or
# fill the processors themselves, one after the other.
#
#     run.sh PROGRAM…
set -u
LIMIT=${TEST_TIMEOUT:-300}
# A realm must be able to say what the sanitizers found; leaks count as failures.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"

# What there is to say of a program that ran with this status, in so many seconds, and said this.
judge() { # program, status, seconds, output
    program=$1 status=$2 seconds=$3 output=$4
    line=$(grep -a 'Synthesis: Tested:' "$output" | tail -n 1 | sed 's/\x1b\[[0-9;]*m//g')
    if [ -n "$line" ]; then
        ok=$(printf '%s' "$line" | sed -E 's/.*Passing: ([0-9]+).*/\1/')
        ko=$(printf '%s' "$line" | sed -E 's/.*Failing: ([0-9]+).*Crashing: ([0-9]+).*/\1 + \2/')
        ko=$(($ko))
        [ "$ok" -gt 0 ] || ko=$((ko + 1))
        [ "$status" -eq 0 ] || [ "$ko" -gt 0 ] || ko=1
    else
        case "$program" in
        */stress/*) if [ "$status" -eq 0 ]; then ok=1 ko=0; else ok=0 ko=1; fi ;;
        *) ok=0 ko=1 ;;
        esac
    fi
    echo "$ok $ko" >>"$RUN_TOTALS"
    if [ "$ko" -gt 0 ]; then
        [ "$status" -eq 124 ] && echo "  (it was stopped after $LIMIT s)"
        echo "FAIL  ${program#"$BUILD"/}  ($ok passed, $ko failed, exit $status, $seconds s)"
        sed 's/^/    /' "$output"
    else
        echo "  ok  ${program#"$BUILD"/}  ($ok, $seconds s)"
    fi
    grep -a 'SKIP' "$output" | sed 's/^/    /'
}

run_one() { # program
    output=$(mktemp)
    start=$(date +%s)
    timeout -k 5 "$LIMIT" "$1" >"$output" 2>&1
    said=$(judge "$1" $? $(($(date +%s) - start)) "$output")
    printf '%s\n' "$said"
    rm -f "$output"
}

if [ "$1" = --one ]; then
    run_one "$2"
    exit 0
fi

RUN_TOTALS=$(mktemp)
export RUN_TOTALS
trap 'rm -f "$RUN_TOTALS"' EXIT
small() { printf '%s\n' "$@" | grep -E "^$BUILD/tests/(unit|property)/"; }
small "$@" | xargs -r -n 1 -P "$(nproc)" sh "$0" --one
for program in "$@"; do
    [ -n "$(small "$program")" ] || run_one "$program"
done
wanted=$#
totals=$(awk '{p += $1; f += $2; n++} END {printf "%d %d %d", p, f, n}' "$RUN_TOTALS")
passed=${totals%% *}
ran=${totals##* }
failed=${totals#* }
failed=$((${failed% *} + wanted - ran))
[ -z "${REALM_TEST_TOTALS:-}" ] || echo "$passed $failed" >>"$REALM_TEST_TOTALS"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
