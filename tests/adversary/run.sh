#!/bin/sh
# The adversary suite, as the user who calls it and, called by root, once more as an ordinary user in a copy
# of the build that this user can read. ADVERSARY_ONLY: a theme or an attack; further words go to `realm run`.
set -u
bin=${BUILD:-build/release}/bin
bad=0
only=${ADVERSARY_ONLY:+--only=$ADVERSARY_ONLY}

# The page is the table, and the table is sound.
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIP  docs/adversary.md: it has the calls of x86-64"
elif "$bin/adversary_suite" --table | cmp -s - docs/adversary.md; then
    echo "  ok  docs/adversary.md"
else
    echo "FAIL  docs/adversary.md is not what adversary_suite --table prints"
    bad=1
fi

echo "== adversary suite as $(id -un)"
"$bin/adversary_suite" $only "$@" || bad=1

if [ "$(id -u)" -eq 0 ]; then
    if command -v setpriv >/dev/null 2>&1; then
        copy=$(mktemp -d /tmp/realmkit-copy-XXXXXX)
        trap 'rm -rf "$copy"' EXIT
        chmod 755 "$copy"
        for program in realm worker adversary adversary-static adversary_suite; do
            install -m 755 "$bin/$program" "$copy/$program"
        done
        echo "== adversary suite as uid 65534"
        (cd / && setpriv --reuid=65534 --regid=65534 --clear-groups "$copy/adversary_suite" $only "$@") || bad=1
    else
        echo "SKIP  adversary suite as an ordinary user: setpriv (util-linux) is missing"
    fi
fi
exit $bad
