#!/bin/sh
# Takes each restriction of the realm's filter away, one at a time, and looks for an attack that notices. The
# machine is one without namespaces and Landlock, so that only the filter stands between an attack and its
# aim; called by root, it runs as an ordinary user, to whom the attacker's user is no other.
#
#     weakened.sh [NUMBER…]     only these rows
set -u
bin=${BUILD:-build/release}/bin
words=--without=userns,landlock
as=""

if [ "$(id -u)" -eq 0 ]; then
    if ! command -v setpriv >/dev/null 2>&1; then
        echo "SKIP  the weakened filter: setpriv (util-linux) is missing"
        exit 0
    fi
    copy=$(mktemp -d /tmp/realmkit-copy-XXXXXX)
    trap 'rm -rf "$copy"' EXIT
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
    if [ "$call" = syslog ] && [ "$(cat /proc/sys/kernel/dmesg_restrict 2>/dev/null)" = 1 ]; then
        echo "SKIP  $number $call: this kernel refuses it to ordinary users itself (kernel.dmesg_restrict)"
        continue
    fi
    found=$($as "$bin/adversary_suite" --except="$except" $words --weaken="$number" 2>/dev/null)
    if [ -n "$found" ]; then
        needed=$((needed + 1))
        echo "  ok  $number $call ($condition): $found"
    else
        idle=$((idle + 1))
        echo "FAIL  $number $call ($condition): no attack notices"
    fi
done <<END
$rules
END
[ -z "${REALM_TEST_TOTALS:-}" ] || echo "$needed $idle" >>"$REALM_TEST_TOTALS"
echo "$needed passed, $idle failed"
[ "$idle" -eq 0 ] && [ "$needed" -gt 0 ]
