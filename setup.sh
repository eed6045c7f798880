#!/bin/sh
# Realmkit's two commands (README.md): installs what is missing, builds, and runs.
set -eu
cd "$(dirname "$0")"

usage() {
    cat <<'TEXT'
usage: ./setup.sh COMMAND

  demo    install what is missing, build, boot the Lona system and show it working
  test    install what is missing, build every variant, run every test and check
  build   install what is missing and build
  bench   install what is missing, the peers' libraries too, build and measure
  help    this text

Installing needs root (or sudo) and happens only if a package is missing: Debian 12 or a relative of it.
TEXT
}

# What the build needs, what only the tests need beyond it, and what `realm bench` compares with.
BUILD_PACKAGES="gcc libc6-dev make pkg-config liburing-dev libseccomp-dev libjemalloc-dev libfyaml-dev libjansson-dev"
TEST_PACKAGES="g++ graphviz libcriterion-dev clang clang-format clang-tidy libclang-rt-14-dev git procps strace spin"
BENCH_PACKAGES="libsystemd-dev libzmq3-dev libnng-dev iceoryx libiceoryx-binding-c-dev libiceoryx-posh-dev"

missing() {
    for package in "$@"; do
        dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || printf '%s ' "$package"
    done
}

install_missing() {
    if ! command -v dpkg-query >/dev/null 2>&1; then
        echo "setup.sh: this is no Debian-like system: make sure that these are installed: $*" >&2
        return 0
    fi
    wanted=$(missing "$@")
    [ -n "$wanted" ] || return 0
    echo "setup.sh: installing $wanted"
    if [ "$(id -u)" -eq 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1; then
        as_root="sudo"
    else
        echo "setup.sh: not root and no sudo here. As root, run:" >&2
        echo "    apt-get install --no-install-recommends $wanted" >&2
        exit 1
    fi
    log=$(mktemp)
    # shellcheck disable=SC2086 # the lists are words
    if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $wanted; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        echo "setup.sh: the packages could not be installed (see above)" >&2
        exit 1
    fi
    rm -f "$log"
}

jobs=$(nproc 2>/dev/null || echo 2)

case "${1:-help}" in
demo)
    # shellcheck disable=SC2086
    install_missing $BUILD_PACKAGES
    make -j"$jobs" all
    make demo
    ;;
build)
    # shellcheck disable=SC2086
    install_missing $BUILD_PACKAGES
    make -j"$jobs" all
    ;;
test)
    # shellcheck disable=SC2086
    install_missing $BUILD_PACKAGES $TEST_PACKAGES
    sh tests/all.sh "$jobs"
    ;;
bench)
    # shellcheck disable=SC2086
    install_missing $BUILD_PACKAGES $BENCH_PACKAGES
    make -j"$jobs" all
    make bench
    ;;
help | -h | --help)
    usage
    ;;
*)
    echo "setup.sh: unknown command '$1'" >&2
    usage >&2
    exit 2
    ;;
esac
