#!/bin/sh
# Makes mutants of the policy engine and of the oracle, and asks who notices: the fuzzer with a fixed seed and
# budget, and the unit tests of the policy. Usage: run.sh BUILD [all|hand|oracle|mechanical] [EVERY]; EVERY takes
# every so many'th mechanical mutant only. All mutants of a source are compiled at once (mutate.c) and chosen at
# run time. What is found is written to build/mutants/*.txt: who noticed, milliseconds, source, mistake.
#
# A mutant made by hand is shown to both. A mechanical one is shown to the fuzzer for a short time, to the unit
# tests if it lives, and if it still does to the fuzzer for a long time.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=$1
what=${2:-all}
every=${3:-1}
SHORT=${MUTANT_SHORT:-500}
LONG=${MUTANT_SEQUENCES:-6000}
CC=${CC:-cc}
work=build/mutants
FLAGS="-D_GNU_SOURCE -I. -Ilibrealm/include -std=gnu11 -O1 -w"
rm -rf $work
mkdir -p $work
: >$work/all.list

# --- make them: every source once, with all its mistakes ---
next=1
for source in mm/policy/*.c mm/oracle/*.c; do
    name=$work/$(echo "$source" | tr / _)
    case $source in
    mm/policy/*) "$BUILD/tests/mutants/mutate" "$source" $next "$name" tests/mutants/engine.txt mechanical >$work/one.list ;;
    *) "$BUILD/tests/mutants/mutate" "$source" $next "$name" tests/mutants/oracle.txt >$work/one.list ;;
    esac || exit 1
    sed '/\tmm\/oracle\//s/\thand\t/\toracle\t/' $work/one.list >>$work/all.list
    next=$((next + $(wc -l <$work/one.list)))
    $CC $FLAGS -c "$name" -o "${name%.c}.o" || exit 1
done
fuzzer=$(ls "$BUILD"/tools/fuzz/*.o | grep -vE '/(command|rerun|campaign)\.o')
for source in tests/unit/policy/*_test.c tests/mutants/trial.c; do
    $CC $FLAGS -Itests/plain -c "$source" -o "$work/$(echo "${source%.c}" | tr / _).o" || exit 1
done
$CC -o $work/trial $work/*.o $fuzzer "$BUILD/libmm-analysis.a" "$BUILD/libmm-config.a" "$BUILD/liblibrealm-core.a" || exit 1

# The engine without a mistake survives both, or they prove nothing.
[ "$(echo 0 | $work/trial "$SHORT" 1 | cut -f2)$(echo 0 | $work/trial tests | cut -f2)" = -- ] ||
    { echo "mutants: the engine without a mistake does not pass" && exit 1; }

# --- try them ---

# try CLASS SHORT: the fuzzer's word on all of a class comes first, then the tests on those that want them.
try() {
    class=$1 sequences=$2
    : >$work/"$class".txt
    awk -F'\t' -v class="$class" '$2 == class' $work/all.list >$work/"$class".list
    [ "$class" != mechanical ] || { awk -v every="$every" 'NR % every == 0' $work/mechanical.list >$work/some && mv $work/some $work/mechanical.list; }
    total=$(wc -l <$work/"$class".list)
    cut -f1 $work/"$class".list | $work/trial "$sequences" 1 | while IFS='	' read -r number who ms why; do
        if [ "$class" = hand ] || { [ "$class" = mechanical ] && [ "$who" = - ]; }; then
            tests=$(echo "$number" | $work/trial tests)
            ms=$((ms + $(echo "$tests" | cut -f3)))
            case "$who $(echo "$tests" | cut -f2)" in
            "fuzzer tests") who=fuzzer+tests ;;
            "- tests") who=tests ;;
            esac
        fi
        if [ "$who" = - ] && [ "$sequences" -lt "$LONG" ]; then
            longer=$(echo "$number" | $work/trial "$LONG" 2)
            who=$(echo "$longer" | cut -f2)
            ms=$((ms + $(echo "$longer" | cut -f3)))
        fi
        [ "$who" != - ] || who=SURVIVED
        line=$(awk -F'\t' -v number="$number" '$1 == number {print $3 "\t" $4}' $work/all.list)
        printf '%s\t%s\t%s\n' "$who" "$ms" "$line" >>$work/"$class".txt
        printf '%4d of %d  %-12s %6d ms  %s\n' "$(wc -l <$work/"$class".txt)" "$total" "$who" "$ms" "$line"
    done
}

sum_up() {
    awk -F'\t' -v name="$1" '{n++; ms += $2; if ($1 == "SURVIVED") s++; else k++; if ($1 == "fuzzer") f++; if ($1 == "tests") t++}
        END {printf "%s: %d mutants, %d killed (%.1f %%), %d survived; by the fuzzer alone %d, by the tests alone %d; %.2f s each\n",
             name, n, k, n ? 100 * k / n : 0, s, f, t, n ? ms / n / 1000 : 0; exit s > 0}' "$work/$1.txt"
}

begun=$(date +%s)
for class in hand oracle mechanical; do
    case "$what" in
    all | "$class") if [ $class = mechanical ]; then try $class "$SHORT"; else try $class "$LONG"; fi ;;
    esac
done
bad=0
for class in hand oracle mechanical; do
    [ ! -s $work/$class.txt ] || sum_up $class || bad=1
done
echo "mutants: $(($(date +%s) - begun)) s"
exit $bad
