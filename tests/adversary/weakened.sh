#!/bin/sh
# Takes each restriction of the realm's filter away, one at a time, and looks for an attack that notices. The
# machine is one without namespaces and Landlock, so that only the filter stands between an attack and its
# aim; called by root, it runs as an ordinary user, to whom the attacker's user is no other.
#
#     weakened.sh [NUMBER…]     only these rows
#
# tests/adversary/witnesses.tsv says which attack noticed last time: that one is tried first, and all the
# others if it does not. WITNESSES=FILE writes what was found this time into FILE, in that form.
set -u
bin=${BUILD:-build/release}/bin
witnesses=$(pwd)/tests/adversary/witnesses.tsv
words=--without=userns,landlock
as=""
copy=""
said=$(mktemp)
trap 'rm -rf "$copy" "$said"' EXIT

if [ "$(id -u)" -eq 0 ]; then
    if ! command -v setpriv >/dev/null 2>&1; then
        echo "SKIP  the weakened filter: setpriv (util-linux) is missing"
        exit 0
    fi
    copy=$(mktemp -d /tmp/realmkit-copy-XXXXXX)
    chmod 755 "$copy"
    for program in realm worker adversary adversary-static adversary_suite adversary_weak; do
        install -m 755 "$bin/$program" "$copy/$program"
    done
    bin=$copy
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
    cd /
fi

# An attack that fails with the whole filter says nothing about a weakened one.
echo "== the whole filter"
baseline=$($as "$bin/adversary_suite" $words)
except=$(printf '%s\n' "$baseline" | sed -nE 's/^FAIL  [^/]*\/([^:]*):.*/\1/p' | paste -sd, -)
printf '%s\n' "$baseline" | grep -E '^FAIL|passed,'

echo "== one restriction less"
needed=0
idle=0
rules=$("$bin/adversary_weak" rules)
[ $# -eq 0 ] || rules=$(printf '%s\n' "$rules" | grep -E "^($(printf '%s|' "$@")-)	")
tab=$(printf '\t')
while IFS="$tab" read -r number call condition; do
    first=$(awk -F '\t' -v call="$call" -v what="$condition" '$1 == call && $2 == what {print $3}' "$witnesses")
    found=$($as "$bin/adversary_suite" --except="$except" ${first:+--first="$first"} $words --weaken="$number" 2>"$said")
    if [ -n "$found" ]; then
        needed=$((needed + 1))
        echo "  ok  $number $call ($condition): $found"
        name=${found#*/}
        [ -z "${WITNESSES:-}" ] || printf '%s\t%s\t%s\n' "$call" "$condition" "${name%%:*}" >>"$WITNESSES"
    else
        idle=$((idle + 1))
        echo "FAIL  $number $call ($condition): no attack notices"
        tail -n 3 "$said" | sed 's/^/      /'
    fi
done <<END
$rules
END
[ -z "${REALM_TEST_TOTALS:-}" ] || echo "$needed $idle" >>"$REALM_TEST_TOTALS"
echo "$needed passed, $idle failed"
[ "$idle" -eq 0 ] && [ "$needed" -gt 0 ]
