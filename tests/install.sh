#!/bin/sh
# Goal: what `make install` puts down is enough, and the README is true. Its service, its client and its
# scenario are taken out of its text, built outside the tree with nothing but pkg-config, and run as realms
# under the installed command; then uninstall leaves no file.
set -eu
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
prefix=$place/prefix
make -s BUILD="$BUILD" >/dev/null # the plain `make` of the README: everything
make -s install PREFIX="$prefix" BUILD="$BUILD" >/dev/null
mkdir "$place/mine"
awk -v to="$place/mine" '
    /^```c$/ { file = ++blocks == 1 ? "service.c" : "client.c"; next }
    /^```yaml$/ { file = "mine.yaml"; next }
    /^```/ { file = ""; next }
    file { print > (to "/" file) }' README.md
cd "$place/mine"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
for program in service client; do
    # shellcheck disable=SC2046
    ${CC:-cc} "$program.c" -o "$program" $(pkg-config --cflags --libs librealm)
done
mkdir -m 700 "$place/run"
XDG_RUNTIME_DIR=$place/run "$prefix/bin/realm" run mine.yaml >out
grep -q 'hello, world!' out || {
    cat out
    echo "install: the greeting is missing"
    exit 1
}
# What measures is installed, too, and finds its realm programs and peers from anywhere.
XDG_RUNTIME_DIR=$place/run "$prefix/bin/realm" bench peers --quick --rounds 1 --json >bench
grep -q '"name":"call".*"p50_ns"' bench && grep -q '"name":"pipe".*"p50_ns"' bench || {
    cat bench
    echo "install: the installed realm bench does not measure"
    exit 1
}
cd - >/dev/null
make -s uninstall PREFIX="$prefix" BUILD="$BUILD" >/dev/null
left=$(find "$prefix" -type f -o -type l)
[ -z "$left" ] || {
    echo "install: uninstall leaves $left"
    exit 1
}
[ -z "${REALM_TEST_TOTALS:-}" ] || echo "1 0" >>"$REALM_TEST_TOTALS"
echo "install: built, ran and removed outside the tree"
