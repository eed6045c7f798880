#!/bin/sh
# Every header compiles alone; the installed ones also as C++.
set -u
cd "$(dirname "$0")/../.." || exit 1
CC=${CC:-cc}
bad=0
count=0
for header in $(find librealm mm sim tools bench tests -name '*.h'); do
    count=$((count + 1))
    $CC -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-unused-function -I. -Ilibrealm/include -fsyntax-only -x c "$header" || bad=1
done
if command -v c++ >/dev/null 2>&1; then
    for header in librealm/include/realm/*.h; do
        printf '#include <realm/%s>\n' "$(basename "$header")" |
            c++ -std=c++17 -Wall -Wextra -Werror -Ilibrealm/include -fsyntax-only -x c++ - || bad=1
    done
fi
[ $bad -eq 0 ] && echo "check-headers: $count headers"
exit $bad
