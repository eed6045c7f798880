#!/bin/sh
# Arrows point one way, and pure folders stay pure (docs/design/layers.md). For each folder: which quoted
# includes it may have (prefixes), and whether it is pure: no system header beyond C's freestanding ones and
# <string.h>. Then the same is asked of the object code: what symbols a pure folder needs from outside.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
files=0
FREESTANDING='float.h iso646.h limits.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdnoreturn.h string.h'

complain() {
    echo "check-layers: $*" >&2
    bad=1
}

# folder pure|system prefixes…
rule() {
    folder=$1 kind=$2
    shift 2
    for file in $(find "$folder" -maxdepth 1 -name '*.[ch]' 2>/dev/null); do
        files=$((files + 1))
        for include in $(sed -nE 's/^#include "([^"]+)".*/\1/p' "$file"); do
            found=no
            for prefix in "$@"; do
                case "$include" in "$prefix"*) found=yes ;; esac
            done
            [ $found = yes ] || complain "$file includes \"$include\": not above $folder in the layers"
        done
        [ "$kind" = pure ] || continue
        for include in $(sed -nE 's/^#include <([^>]+)>.*/\1/p' "$file"); do
            case "$include" in realm/*) continue ;; esac
            case " $FREESTANDING " in
            *" $include "*) ;;
            *) complain "$file includes <$include>: $folder is pure" ;;
            esac
        done
    done
}

rule librealm/include/realm pure
rule librealm/core pure librealm/core/
rule librealm/proto pure librealm/proto/ librealm/core/
rule librealm/ring pure librealm/ring/ librealm/core/
rule librealm/os system librealm/os/os.h librealm/core/
rule librealm/os/linux system librealm/os/ librealm/ring/ librealm/proto/ librealm/core/
rule librealm/os/sim system librealm/os/ mm/policy/policy.h librealm/ring/ librealm/proto/ librealm/core/
rule librealm/client system librealm/client/ librealm/os/os.h librealm/ring/ librealm/proto/ librealm/core/
rule mm/config system mm/config/ mm/policy/policy.h librealm/core/
rule mm/sandbox system mm/sandbox/ librealm/core/ librealm/os/linux/futex_uring.h librealm/os/linux/probe.h
rule mm/policy pure mm/policy/ librealm/core/
rule mm/analysis system mm/analysis/ mm/config/ mm/policy/policy.h librealm/core/
rule mm/oracle pure mm/oracle/
rule mm/broker system mm/broker/ mm/analysis/ mm/sandbox/ mm/config/ mm/policy/policy.h librealm/proto/ librealm/core/ librealm/os/os.h librealm/ring/
rule mm/launcher system mm/launcher/ mm/sandbox/ mm/config/config.h mm/config/stop_point.h librealm/proto/ librealm/core/ librealm/os/os.h
rule mm system mm/ librealm/os/os.h
rule sim/boot system sim/boot/ mm/analysis/ mm/config/ mm/policy/policy.h librealm/core/
rule sim/services system sim/services/
rule examples system examples/
rule bench/measure system bench/measure/ librealm/ring/atomics.h
rule bench/realms system bench/realms/bench.h bench/measure/ librealm/ring/atomics.h
rule bench/peers system bench/peers/peer.h bench/measure/ librealm/ring/atomics.h
rule bench/harness system bench/harness/ bench/measure/
rule tools/fuzz system tools/fuzz/ tools/arguments.h tools/print.h mm/analysis/ sim/boot/ mm/config/ mm/policy/policy.h mm/oracle/oracle.h librealm/core/
rule tools system tools/ bench/harness/bench.h mm/analysis/ mm/sandbox/ sim/boot/ mm/start.h mm/config/ mm/policy/policy.h librealm/core/ librealm/os/os.h librealm/os/linux/probe.h librealm/proto/

# The client's logic reaches the system only through the seam: its object code may need nothing but the
# layers above it and these of the C library.
symbols() {
    archive=$1 what=$2 allowed=$3
    [ -f "$archive" ] || return 0
    for symbol in $(nm -u "$archive" 2>/dev/null | awk 'NF == 2 && $1 == "U" {print $2}' | sort -u); do
        printf '%s\n' "$symbol" | grep -qxE "$allowed" || complain "$what needs '$symbol' from outside: not pure"
    done
}
B=${BUILD:-build/release}
PURE='mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp|nlen|chr)|realm_.*|policy_.*|siphash.*|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail'
symbols "$B/liblibrealm-core.a" librealm/core "$PURE"
symbols "$B/liblibrealm-proto.a" librealm/proto "$PURE"
symbols "$B/liblibrealm-ring.a" librealm/ring "$PURE"
symbols "$B/libmm-policy.a" mm/policy "$PURE"
symbols "$B/libmm-oracle.a" mm/oracle "$PURE|oracle_.*|fact_.*"
symbols "$B/liblibrealm-client.a" librealm/client "$PURE|malloc|calloc|realloc|free|vsnprintf|snprintf|abort|__assert_fail|link_.*|loop_.*|qsort"

[ $bad -eq 0 ] && echo "check-layers: $files files"
exit $bad
