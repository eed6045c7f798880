#!/bin/sh
# Makes mutants of the policy engine and of the oracle, and asks who notices: the fuzzer with a fixed seed and
# budget, and the unit tests of the policy. Usage: run.sh BUILD [all|hand|oracle|mechanical] [EVERY] [SOURCE]; EVERY
# takes every so many'th mechanical mutant only, SOURCE the mutants of one source. All mutants of a source are compiled
# at once (mutate.c) and chosen at run time; they are tried by as many processes as there are processors
# (MUTANT_JOBS). What is found is written to build/mutants/*.txt (MUTANT_WORK): who noticed, milliseconds, source, mistake.
#
# A mutant made by hand is shown to both, with two seeds. A mechanical one is shown to the fuzzer for a short time, to the unit
# tests if it lives, and if it still does to the fuzzer for a long time.
#
# The exit status is 0 if all made by hand and all of the oracle are killed, at least 95 % of the mechanical ones,
# and survivors.txt says of each that is not why nothing can notice it, and of no other.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=$1
what=${2:-all}
every=${3:-1}
only=${4:-}
SHORT=${MUTANT_SHORT:-500}
LONG=${MUTANT_SEQUENCES:-6000}
jobs=${MUTANT_JOBS:-$(nproc)}
CC=${CC:-cc}
work=${MUTANT_WORK:-build/mutants}
FLAGS="-D_GNU_SOURCE -I$work -I. -Ilibrealm/include -std=gnu11 -O1 -w"
rm -rf $work
mkdir -p $work/mm/policy
: >$work/all.list

explain() { awk -f tests/mutants/explain.awk tests/mutants/survivors.txt "$@"; }
explain || exit 1
if [ -n "$only" ] && [ ! -f "$only" ]; then
    echo "mutants: $only: there is no such source" && exit 1
fi

# --- make them: every source once, with all its mistakes. A header takes the place of its own for who includes it ---
next=1
for source in mm/policy/*.h mm/policy/*.c mm/oracle/*.c; do
    name=$work/$(echo "$source" | tr / _)
    case $source in
    *.h) "$BUILD/tests/mutants/mutate" "$source" $next $work/"$source" tests/mutants/engine.txt mechanical >$work/one.list ;;
    mm/policy/*) "$BUILD/tests/mutants/mutate" "$source" $next "$name" tests/mutants/engine.txt mechanical >$work/one.list ;;
    *) "$BUILD/tests/mutants/mutate" "$source" $next "$name" tests/mutants/oracle.txt >$work/one.list ;;
    esac || exit 1
    sed '/\tmm\/oracle\//s/\thand\t/\toracle\t/' $work/one.list >>$work/all.list
    next=$((next + $(wc -l <$work/one.list)))
done
sources=$(ls $work/mm_*.c tests/unit/policy/*_test.c tests/mutants/trial.c)
echo "$sources" | xargs -P "$jobs" -I FILE sh -c "$CC $FLAGS -Itests/plain -c FILE -o $work/\$(echo FILE | tr / _).o" || exit 1
fuzzer=$(ls "$BUILD"/tools/fuzz/*.o | grep -vE '/(command|rerun|campaign)\.o')
$CC -o $work/trial $work/*.o $fuzzer "$BUILD/libmm-analysis.a" "$BUILD/libmm-config.a" "$BUILD/liblibrealm-core.a" || exit 1

# The engine without a mistake survives both, or they prove nothing.
[ "$(echo 0 | $work/trial all "$LONG:1" tests "$LONG:2" | cut -f2)" = - ] ||
    { echo "mutants: the engine without a mistake does not pass" && exit 1; }

# --- try them ---

# The results of a class, as they come in. The n-th line of all.list is mutant n.
note() {
    while IFS='	' read -r number who ms why; do
        [ "$who" != - ] || who=SURVIVED
        line=$(sed -n "${number}{p;q}" $work/all.list | cut -f3,4)
        printf '%s\t%s\t%s\n' "$who" "$ms" "$line" >>$work/"$1".txt
        printf '%4d of %d  %-12s %6d ms  %s\n' "$(wc -l <$work/"$1".txt)" "$2" "$who" "$ms" "$line"
    done
}

# try CLASS ATTEMPT...: each of them, by several processes that take turns.
try() {
    class=$1
    shift
    : >$work/"$class".txt
    awk -F'\t' -v class="$class" -v only="$only" '$2 == class && (only == "" || $3 == only)' $work/all.list >$work/"$class".made
    [ "$class" = mechanical ] && nth=$every || nth=1
    awk -v every="$nth" 'NR % every == 0 {print $1}' $work/"$class".made >$work/"$class".list
    total=$(wc -l <$work/"$class".list)
    job=0
    while [ $job -lt "$jobs" ]; do
        awk -v job=$job -v jobs="$jobs" 'NR % jobs == job' $work/"$class".list | $work/trial "$@" | note "$class" "$total" &
        job=$((job + 1))
    done
    wait
    [ "$(wc -l <$work/"$class".txt)" -eq "$total" ] || { echo "mutants: not all were tried" && exit 1; }
}

# Of one source alone it does not matter how large the part is that lives, as long as it is explained.
sum_up() {
    awk -F'\t' -v name="$1" -v only="$only" '{n++; ms += $2; if ($1 == "SURVIVED") s++; else k++; if ($1 == "fuzzer") f++; if ($1 == "tests") t++}
        END {printf "%s: %d mutants, %d killed (%.1f %%), %d survived; by the fuzzer alone %d, by the tests alone %d; %.2f s each\n",
             name, n, k, n ? 100 * k / n : 0, s, f, t, n ? ms / n / 1000 : 0
             exit name == "mechanical" ? only == "" && 100 * k < 95 * n : s > 0}' "$work/$1.txt"
}

# What was tried, and all other mechanical mutants as UNTRIED.
explain_mechanical() {
    awk -F'\t' 'NR == FNR {tried[$3, $4] = 1; print; next} $2 == "mechanical" && !(($3, $4) in tried) {print "UNTRIED\t0\t" $3 "\t" $4}' \
        $work/mechanical.txt $work/all.list >$work/results.txt
    explain $work/results.txt
}

begun=$(date +%s)
for class in hand oracle mechanical; do
    case "$what" in
    all | "$class")
        case $class in
        hand) try hand all "$LONG:1" "$LONG:2" tests ;;
        oracle) try oracle "$LONG:1" ;;
        mechanical) try mechanical "$SHORT:1" tests "$LONG:2" ;;
        esac
        ;;
    esac
done
bad=0
for class in hand oracle mechanical; do
    [ ! -s $work/$class.txt ] || sum_up $class || bad=1
done
[ ! -s $work/mechanical.txt ] || explain_mechanical || bad=1
echo "mutants: $(($(date +%s) - begun)) s"
exit $bad
