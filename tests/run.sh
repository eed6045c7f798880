#!/bin/sh
# Runs test programs one after the other, one line each, and sums up. A Criterion program must close with
# its synthesis line and have run at least one test; a plain program (tests/stress) counts as one.
# The output of a failing program is shown whole.
set -u
LIMIT=${TEST_TIMEOUT:-300}
passed=0
failed=0
bad=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
# A realm must be able to say what the sanitizers found; leaks count as failures.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"

for program in "$@"; do
    start=$(date +%s)
    timeout -k 5 "$LIMIT" "$program" >"$output" 2>&1
    status=$?
    seconds=$(($(date +%s) - start))
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
    passed=$((passed + ok))
    failed=$((failed + ko))
    if [ "$ko" -gt 0 ]; then
        bad=1
        [ "$status" -eq 124 ] && echo "  (it was stopped after $LIMIT s)"
        echo "FAIL  ${program#"$BUILD"/}  ($ok passed, $ko failed, exit $status, $seconds s)"
        sed 's/^/    /' "$output"
    else
        echo "  ok  ${program#"$BUILD"/}  ($ok, $seconds s)"
    fi
    skipped=$(grep -ac 'SKIP' "$output")
    [ "$skipped" -eq 0 ] || grep -a 'SKIP' "$output" | sed 's/^/    /'
done
[ -z "${REALM_TEST_TOTALS:-}" ] || echo "$passed $failed" >>"$REALM_TEST_TOTALS"
echo "$passed passed, $failed failed"
exit $bad
