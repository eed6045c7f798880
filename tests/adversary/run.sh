#!/bin/sh
# The adversary suite, in cells that run side by side: as the user who calls it and, called by root, as an
# ordinary user in a copy of the build that this user can read; and once more where neither namespaces nor
# Landlock help. ADVERSARY_ONLY: a theme or an attack; V=1: also what passes; further words go to `realm run`.
set -u
bin=${BUILD:-build/release}/bin
bad=0
only=${ADVERSARY_ONLY:+--only=$ADVERSARY_ONLY}
work=$(mktemp -d /tmp/realmkit-copy-XXXXXX)
trap 'rm -rf "$work"' EXIT

# The page is the table, and the table is sound.
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIP  docs/adversary.md: it has the calls of x86-64"
elif "$bin/adversary_suite" --table | cmp -s - docs/adversary.md; then
    echo "  ok  docs/adversary.md"
else
    echo "FAIL  docs/adversary.md is not what adversary_suite --table prints"
    bad=1
fi

# Each restriction of the filter has an attack that needs it gone (weakened.sh finds them).
rules=$("$bin/realm" doctor --filter --json | grep -o '"restricts": *true' | wc -l)
witnesses=$(wc -l <tests/adversary/witnesses.tsv)
if [ "$(uname -m)" = x86_64 ] && [ "$rules" -ne "$witnesses" ]; then
    echo "FAIL  $rules restrictions, but $witnesses witnesses: run make test-adversary-weakened"
    bad=1
fi

as=""
suite=$bin/adversary_suite
if [ "$(id -u)" -eq 0 ]; then
    if command -v setpriv >/dev/null 2>&1; then
        chmod 755 "$work"
        for program in realm worker adversary adversary-static adversary_suite; do
            install -m 755 "$bin/$program" "$work/$program"
        done
        as="setpriv --reuid=65534 --regid=65534 --clear-groups"
        suite=$work/adversary_suite
    else
        echo "SKIP  adversary suite as an ordinary user: setpriv (util-linux) is missing"
    fi
fi

# cell NAME COMMAND…: its report and its status, in files.
cell() {
    name=$1
    shift
    ("$@" >"$work/$name" 2>&1; echo $? >"$work/$name.status") &
}
cells="caller bare pipe"
cell caller "$bin/adversary_suite" $only "$@"
if [ -n "$as" ]; then
    cells="caller user bare pipe"
    cell user $as "$suite" $only "$@"
fi
cell bare $as "$suite" $only --without=userns,landlock "$@"
# The other waiter, where it matters: what a server is told, and what is left of it after a revoke.
pipe() {
    $as "$suite" --only=revoke --waiter=pipe "$@" && $as "$suite" --only=ring --waiter=pipe "$@"
}
[ -n "$only" ] || cell pipe pipe "$@"
wait
[ -z "$only" ] || cells=${cells% pipe}

for name in $cells; do
    case $name in
    caller) echo "== adversary suite as $(id -un)" ;;
    user) echo "== adversary suite as uid 65534" ;;
    pipe) echo "== revoke and ring, servers waiting on pipes" ;;
    bare) echo "== adversary suite as an ordinary user, without namespaces and Landlock" ;;
    esac
    if [ -n "${V:-}" ]; then cat "$work/$name"; else grep -v '^  ok' "$work/$name"; fi
    [ "$(cat "$work/$name.status")" -eq 0 ] || bad=1
done
exit $bad
