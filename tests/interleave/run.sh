#!/bin/sh
# The production code of the ring under every interleaving of its shared accesses (scenarios.c), then each mistake
# of mutants.txt in it: the interleaving must find it.
#
#     run.sh BUILD DEVIATIONS     (mistakes: with up to 3 deviations)
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$1/interleave
deviations=$2
CC=${CC:-cc}
list=tests/interleave/mutants.txt
FLAGS="-D_GNU_SOURCE -I. -Ilibrealm/include -std=gnu11 -O1 -Wall -Wextra"
passed=0
failed=0
rm -rf "$work" && mkdir -p "$work" || exit 1

# build FOLDER OVERLAY: FOLDER/interleave from the sources; what lies in OVERLAY takes the place of its like.
build() {
    objects=
    for source in librealm/ring/producer.c librealm/ring/consumer.c tests/interleave/flow.c tests/interleave/notes.c tests/interleave/scenarios.c; do
        object=$1/$(basename "$source" .c).o
        [ ! -f "$2/$source" ] || source=$2/$source
        # shellcheck disable=SC2086 # the flags are words
        $CC -I"$2" $FLAGS -include tests/interleave/atomics.h -c "$source" -o "$object" || return 1
        objects="$objects $object"
    done
    # shellcheck disable=SC2086
    $CC -o "$1/interleave" $objects "$work/explore.o"
}

say() { # ok|FAIL, text
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    printf '%4s  %s\n' "$1" "$2"
}

# shellcheck disable=SC2086
$CC $FLAGS -c tests/interleave/explore.c -o "$work/explore.o" && $CC -D_GNU_SOURCE -I. -O1 -o "$work/mistake" tests/interleave/mistake.c tests/mutants/mistakes.c &&
    build "$work" "$work/none" || exit 1
if "$work/interleave" "$deviations" >"$work/out.txt" 2>&1; then
    sed 's/^/      /' "$work/out.txt"
    say ok "$(tail -n 1 "$work/out.txt")"
else
    cat "$work/out.txt"
    say FAIL "the interleaving found something"
fi

number=0
count=$("$work/mistake" $list) || exit 1
while [ $number -lt "$count" ]; do
    number=$((number + 1))
    folder=$work/$number
    mkdir -p "$folder"
    line=$("$work/mistake" $list $number "$folder") || exit 1
    source=${line%%	*}
    title=${line#*	}
    mkdir -p "$folder/overlay/$(dirname "$source")"
    mv "$folder/mutant.c" "$folder/overlay/$source"
    if ! build "$folder" "$folder/overlay" >"$folder/build.txt" 2>&1; then
        say FAIL "$title: does not compile"
        cat "$folder/build.txt"
        continue
    fi
    # Few deviations first: most mistakes need no more.
    found=
    for some in 0 1 2 3; do
        timeout 600 "$folder/interleave" "$some" >"$folder/out.txt" 2>&1
        [ $? -ne 1 ] || { found=$some && break; }
    done
    if [ -n "$found" ]; then
        what=$(grep -m1 -vE 'executions$' "$folder/out.txt")
        say ok "$title: found with $found deviations ($what)"
    else
        say FAIL "$title: not found with $some deviations"
    fi
done
[ -z "${REALM_TEST_TOTALS:-}" ] || echo "$passed $failed" >>"$REALM_TEST_TOTALS"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
