#!/bin/sh
# Makes mutants of the policy engine and of the oracle, and asks who notices: the unit and property tests of the
# policy, and the fuzzer with a fixed budget. Usage: run.sh BUILD [hand|oracle|mechanical] [EVERY]; EVERY takes every
# so many'th mechanical mutant only. Two run at a time. What it found is written to build/mutants/*.txt.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=$1
what=${2:-all}
every=${3:-1}
SEQUENCES=${MUTANT_SEQUENCES:-6000}
JOBS=${MUTANT_JOBS:-2}
CC=${CC:-cc}
work=build/mutants
tool=$work/mutate
mkdir -p $work
[ "$what" = one ] || $CC -O1 -o $tool tests/mutants/mutate.c || exit 1
FLAGS="-D_GNU_SOURCE -I. -Ilibrealm/include -std=gnu11 -O1 -w"
export BUILD SEQUENCES CC FLAGS work

# one FOLDER SOURCE TITLE: builds the mutant that lies there, and asks. Prints: killed-by TAB seconds TAB title.
one() {
    folder=$1 source=$2 title=$3
    begun=$(date +%s%N)
    object=$folder/mutant.o
    killed=
    if ! $CC $FLAGS -c "$folder/mutant.c" -o "$object" 2>"$folder/cc.txt"; then
        killed=compiler
    else
        others=$(ls "$BUILD"/mm/policy/*.o "$BUILD"/mm/oracle/*.o | grep -v "$BUILD/${source%.c}.o")
        fuzzer=$(ls "$BUILD"/tools/fuzz/*.o | grep -vE '/(command|campaign|config)\.o')
        rest="$object $others $BUILD/liblibrealm-core.a"
        if ! $CC -o "$folder/killer" "$BUILD/tests/mutants/killer.o" $fuzzer $rest 2>"$folder/ld.txt"; then
            killed=linker
        else
            timeout 60 "$folder/killer" "$SEQUENCES" 1 >"$folder/killer.txt" 2>&1 || killed=fuzzer
        fi
        # A mechanical mutant that the fuzzer has found needs no second opinion; of one made by hand both are told.
        if [ "$killed" != linker ] && { [ -z "$killed" ] || [ "${BOTH:-no}" = yes ]; } && [ "${source#mm/policy}" != "$source" ]; then
            tests="$BUILD/tests/unit/policy/*_test.o"
            $CC -o "$folder/tests" $tests $object \
                $(ls "$BUILD"/mm/policy/*.o | grep -v "$BUILD/${source%.c}.o") "$BUILD/liblibrealm-core.a" -lcriterion 2>>"$folder/ld.txt" &&
                { timeout 120 "$folder/tests" -j1 --fail-fast --timeout 10 >"$folder/tests.txt" 2>&1 || killed="${killed:+$killed+}tests"; }
        fi
    fi
    printf '%s\t%s\t%s\n' "${killed:-SURVIVED}" "$((($(date +%s%N) - begun) / 1000000))" "$title"
    rm -f "$folder/killer" "$folder/tests"
}

# The folder of a running mutant is taken by one process at a time.
if [ "$what" = one ]; then
    mode=$3 file=$4 number=$5
    folder=$work/at.$$
    mkdir -p "$folder"
    if line=$($tool "$mode" "$file" "$number" "$folder"); then
        one "$folder" "${line%%	*}" "$line"
    else
        printf 'STALE\t0\t%s\tmutant %s\n' "$file" "$number"
    fi
    rm -rf "$folder"
    exit 0
fi

# many BOTH LIST RESULT: LIST has lines "mode file number".
many() {
    BOTH=$1 list=$2 result=$3
    export BOTH
    total=$(wc -l <"$list")
    : >"$result"
    xargs -P "$JOBS" -L 1 sh tests/mutants/run.sh "$BUILD" one <"$list" | while IFS= read -r line; do
        printf '%s\n' "$line" >>"$result"
        done=$(wc -l <"$result")
        printf '%4d of %d  %s\n' "$done" "$total" "$line"
    done
}

sum_up() {
    awk -F'\t' -v name="$1" '{n++; ms += $2; if ($1 == "SURVIVED") s++; else if ($1 == "STALE") stale++; else k++;
        if ($1 == "fuzzer") f++; if ($1 == "tests") t++}
        END {printf "%s: %d mutants, %d killed (%.1f %%), %d survived, %d stale; by the fuzzer alone %d, by the tests alone %d; %.1f s each\n",
             name, n, k, n ? 100 * k / n : 0, s, stale, f, t, n ? ms / n / 1000 : 0; exit s > 0 || stale > 0}' "$2"
}

bad=0
if [ "$what" = all ] || [ "$what" = hand ]; then
    i=0; count=$($tool hand tests/mutants/engine.txt) || exit 1
    while [ $i -lt "$count" ]; do i=$((i + 1)); echo "hand tests/mutants/engine.txt $i"; done >$work/hand.list
    many yes $work/hand.list $work/hand.txt
fi
if [ "$what" = all ] || [ "$what" = oracle ]; then
    i=0; count=$($tool hand tests/mutants/oracle.txt) || exit 1
    while [ $i -lt "$count" ]; do i=$((i + 1)); echo "hand tests/mutants/oracle.txt $i"; done >$work/oracle.list
    many no $work/oracle.list $work/oracle.txt
fi
if [ "$what" = all ] || [ "$what" = mechanical ]; then
    for file in mm/policy/*.c; do
        i=0; count=$($tool mechanical "$file") || exit 1
        while [ $i -lt "$count" ]; do i=$((i + 1)); echo "mechanical $file $i"; done
    done | awk -v every="$every" 'NR % every == 0' >$work/mechanical.list
    many no $work/mechanical.list $work/mechanical.txt
fi
for part in hand oracle mechanical; do
    [ -s $work/$part.txt ] || continue
    case "$what" in all | "$part") sum_up $part $work/$part.txt || bad=1 ;; esac
done
exit $bad
