#!/bin/sh
# Runs fuzz targets one after the other: run.sh SECONDS PROGRAM… Each starts from its seeds in
# tests/fuzz/corpus/<target>, which stay as they are; what it finds is kept in build/fuzz/found. One line a
# target; the first crash ends it all, with the program's output.
set -u
seconds=$1
shift
here=$(dirname "$0")
work=build/fuzz
mkdir -p "$work/crashes"

for program in "$@"; do
    target=$(basename "$program")
    found=$work/found/$target
    log=$work/$target.log
    mkdir -p "$found"
    set -- "$found"
    [ ! -d "$here/corpus/$target" ] || set -- "$@" "$here/corpus/$target"
    "$program" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$work/crashes/$target-" "$@" >"$log" 2>&1
    status=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ "$status" -ne 0 ] || [ -z "$runs" ]; then
        echo "FAIL  fuzz $target (exit $status); its input is in $work/crashes, its output:"
        tail -n 60 "$log" | sed 's/^/    /'
        exit 1
    fi
    coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    echo "  ok  fuzz $target ($runs inputs in $seconds s, coverage $coverage)"
done
