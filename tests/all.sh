#!/bin/sh
# Every test and check, in the order in which a failure tells most. Used by `./setup.sh test`.
set -eu
cd "$(dirname "$0")/.."
jobs=${1:-2}
totals=$(mktemp)
export REALM_TEST_TOTALS="$totals"
trap 'rm -f "$totals"' EXIT
started=$(date +%s)

step() {
    echo
    echo "== $1 ($(($(date +%s) - started)) s)"
    shift
    "$@"
}

step "build: gcc, release, warnings are errors" make -j"$jobs" WERROR=1 test-build
step "tests: release" make WERROR=1 test
step "adversary suite: hostile realms" make WERROR=1 test-adversary
step "models: sleeping and revoking, every interleaving" make test-models-short
step "interleaving: the ring, and mistakes in it" make test-interleave-short
step "fuzz: the policy engine beside the oracle" build/release/bin/realm fuzz --time 20s --jobs "$jobs"
step "build: AddressSanitizer and UndefinedBehaviorSanitizer" make -j"$jobs" VARIANT=asan WERROR=1 test-build
step "tests: under the sanitizers" make VARIANT=asan WERROR=1 test
step "kill matrix: under the sanitizers" make -j"$jobs" VARIANT=asan WERROR=1 test-kill-matrix
step "stress: ThreadSanitizer" make -j"$jobs" VARIANT=tsan WERROR=1 test-stress
step "build: clang" make -j"$jobs" CC=clang WERROR=1 all stress-build
step "fuzz: a few seconds for each target" make -j"$jobs" fuzz FUZZ_SECONDS=5
step "install: outside the tree" make test-install
step "check: the rules of the house" make -j"$jobs" check

echo
echo "== all done in $(($(date +%s) - started)) s"
awk '{p += $1; f += $2} END {printf "%d passed, %d failed\n", p, f; exit f > 0 || p == 0}' "$totals"
