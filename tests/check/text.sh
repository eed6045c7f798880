#!/bin/sh
# Files keep to one idea: 500 lines at most. And marks of unfinished work do not land.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
for file in $(find librealm mm sim tools bench tests examples -name '*.[ch]'); do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 500 ]; then
        echo "check-text: $file has $lines lines (limit 500)" >&2
        bad=1
    fi
    if grep -nHE '\b(TODO|FIXME|XXX|HACK)\b' "$file" >&2; then
        echo "check-text: $file: a mark of unfinished work" >&2
        bad=1
    fi
done
[ $bad -eq 0 ] && echo "check-text: fine"
exit $bad
