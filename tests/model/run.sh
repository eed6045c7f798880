#!/bin/sh
# Runs the cases of cases.txt: SPIN searches every interleaving of a model, store buffers included. A model that
# holds is searched to the end, and must reach each of its own statements; one that leaves something out must
# fail. Prints one line a case, and how many states were searched. As many cases as there are processors run at
# once.
#
#     run.sh BUILD [full]
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here" || exit 1

# One line of cases.txt, in a folder of its own, whose name its result has.
#
#     run.sh --case FOLDER LINE
say() { # ok|FAIL, model, flags, what
    printf '%4s  %-6s %-38s %s\n' "$@"
    echo "$1" >"$folder.result"
}

# What the search has not reached: every statement but the ends of processes that never end.
unreached() {
    awk '/^unreached in/ { list = 1; next } /^$/ { list = 0 } list && /state [0-9]+, "/ && !/"-end-"/' "$1"
}

one_case() { # folder, line
    folder=$1
    IFS='|' read -r model expected _ flags text <<END
$2
END
    # shellcheck disable=SC2086,SC2116 # without the blanks around them
    model=$(echo $model) expected=$(echo $expected) flags=$(echo $flags) text=$(echo $text)
    mkdir "$folder"
    cp tso.pml "$model.pml" "$folder"
    # A search that ends at the first error takes less time than its compilation.
    optimize=-O1
    [ "$expected" = holds ] || optimize=-O0
    # shellcheck disable=SC2086 # the flags are words
    if ! (cd "$folder" && spin -a $flags "$model.pml" && cc $optimize -w -DSAFETY -DCOLLAPSE -DMEMLIM=3000 -o pan pan.c) >"$folder/build.txt" 2>&1; then
        say FAIL "$model" "$flags" "it does not compile:"
        cat "$folder/build.txt"
        return
    fi
    (cd "$folder" && ./pan -m10000000) >"$folder/out.txt" 2>&1
    states=$(awk '/states, stored/ {print $1}' "$folder/out.txt")
    error=$(sed -n 's/^pan:1: //p' "$folder/out.txt")
    whole=yes
    grep -qE 'Search not completed|max search depth|memory limit|hash conflict.*truncated' "$folder/out.txt" && whole=no
    unreached "$folder/out.txt" >"$folder/unreached.txt"
    if [ "$expected" = fails ] && [ -n "$error" ]; then
        say ok "$model" "$flags" "found: $error"
    elif [ "$expected" = fails ]; then
        say FAIL "$model" "$flags" "nothing is found without it: $text"
    elif [ -n "$error" ]; then
        say FAIL "$model" "$flags" "$error (the trail: cd $folder && spin -t -p $model.pml)"
    elif [ $whole = no ] || ! grep -q 'errors: 0' "$folder/out.txt"; then
        say FAIL "$model" "$flags" "the search was not completed:"
        cat "$folder/out.txt"
    elif [ -s "$folder/unreached.txt" ]; then
        say FAIL "$model" "$flags" "a part of the model is never reached:"
        cat "$folder/unreached.txt"
    else
        say ok "$model" "$flags" "holds: $states states"
    fi
}

if [ "$1" = --case ]; then
    one_case "$2" "$3"
    exit 0
fi

top=$(cd ../.. && pwd)
case $1 in /*) work=$1/model ;; *) work=$top/$1/model ;; esac
what=${2:-short}
command -v spin >/dev/null 2>&1 || { echo "run.sh: spin is not installed (./setup.sh test installs it)" >&2; exit 1; }
rm -rf "$work" && mkdir -p "$work" || exit 1

cases() { grep -vE '^(#|$)' cases.txt | if [ "$what" = full ]; then cat; else grep -vE '^([^|]*\|){2} *full *\|'; fi; }
cases | awk -v work="$work" '{printf "%s/%d%c%s%c", work, NR, 0, $0, 0}' |
    xargs -0 -n 2 -P "$(nproc)" sh "$here/run.sh" --case
wanted=$(cases | wc -l)
passed=$(cat "$work"/*.result | grep -c '^ok$')
failed=$((wanted - passed))

[ -z "${REALM_TEST_TOTALS:-}" ] || echo "$passed $failed" >>"$REALM_TEST_TOTALS"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
