#!/bin/sh
# Each transition of the models quotes the statement that it models:
#
#     /* FILE FUNCTION: STATEMENT */
#     the transition, or several on one line
#
# This looks each quote up in the sources: the function must be there, with that text in one of its lines. And each
# line of a model that touches shared memory, waits or wakes must have its quote right before it, but for
# what leaves a statement out on purpose (between #ifdef NO_, EARLY_, LATE_ and the #else or #endif) and what
# the kernel or the ring's caller does ("the kernel:", "the caller:").
#
#     quotes.sh [--list]     --list: also print each transition with file, line and function
set -u
cd "$(dirname "$0")/../.." || exit 1
list=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# The lines of one function, each with its number.
body() {
    awk -v name="$2" '
        !inside && /^[a-z]/ && match($0, "(^|[ *])" name "\\(") { inside = 1; text = "" }
        inside { text = text NR ":" $0 "\n" }
        inside && /;$/ && text !~ /\{/ { inside = 0 }
        inside && /^}/ { printf "%s", text; inside = 0 }' "$1"
}

for model in park notify revoke place; do
    awk -v model="tests/model/$model.pml" '
        /^#if(def| defined).*(NO_|EARLY_|LATE_)/ { omitted = 1; next }
        /^#(else|endif)/ { omitted = 0; next }
        /^#/ || /^[[:space:]]*$/ { next }
        /^[[:space:]]*\/\* (the kernel|the caller|[a-z]+\/[^ ]+ [a-z_0-9]+): .*\*\/$/ {
            line = $0
            sub(/^[[:space:]]*\/\* /, "", line)
            sub(/ \*\/$/, "", line)
            quoted = 1
            if (line !~ /^the (kernel|caller): /) print "quote\t" model ":" NR "\t" line
            next
        }
        /(load|read|store_relaxed|store_release|exchange|lost|wait|wake)\(|fence|(hint|mapped|truncated|asleep) (=|->) / &&
            !/^(inline|bool|mtype|byte| \*|\/\*)/ {
            if (!quoted && !omitted && !in_kernel) print "bare\t" model ":" NR "\t" $0
        }
        { in_kernel = (quoted || in_kernel) && /\{$|^\t+(if|fi|do|od|::)/ ? 1 : 0; quoted = 0 }
    ' "tests/model/$model.pml"
done >"$work/found"

quotes=0
while IFS="$(printf '\t')" read -r kind where text; do
    if [ "$kind" = bare ]; then
        echo "quotes: $where: a transition without a quote: $text" >&2
        bad=1
        continue
    fi
    quotes=$((quotes + 1))
    file=${text%% *}
    rest=${text#* }
    function=${rest%%: *}
    statement=${rest#*: }
    if [ ! -f "$file" ]; then
        echo "quotes: $where: there is no file $file" >&2
        bad=1
        continue
    fi
    body "$file" "$function" >"$work/body"
    if [ ! -s "$work/body" ]; then
        echo "quotes: $where: there is no function $function in $file" >&2
        bad=1
        continue
    fi
    line=$(grep -F -- "$statement" "$work/body" | head -n 1)
    if [ -z "$line" ]; then
        echo "quotes: $where: $function in $file has no longer: $statement" >&2
        bad=1
        continue
    fi
    [ "$list" != --list ] || echo "$where $file:${line%%:*} $function"
done <"$work/found"
[ "$quotes" -gt 0 ] || bad=1
[ $bad -eq 0 ] && echo "check-models: $quotes quoted statements"
exit $bad
