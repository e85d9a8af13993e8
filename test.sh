#!/bin/bash
# test.sh: runs the whole test suite.
#
#   ./test.sh           everything
#   ./test.sh --quick   without the licence check and without the virtual machines
#
# Root on a Debian-like system: what is missing gets installed, and it is said. Otherwise what can run runs, and what
# was skipped and why stands at the end. With CI=true nothing may be skipped: what is missing is a failure.
#
# Downloads are kept in TRUECHIMER_CACHE (default ~/.cache/truechimer).
set -uo pipefail
cd "$(dirname "$0")" || exit 1

deny_version=0.20.2

quick=
case ${1:-} in
    '') ;;
    --quick) quick=1 ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
        exit 64
        ;;
esac

TRUECHIMER_CACHE=${TRUECHIMER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/truechimer}
# The end-to-end tests find the peers there.
export TRUECHIMER_CACHE

passed=0 failed=() skipped=() began=$SECONDS

have() {
    command -v "$1" > /dev/null
}

# step NAME COMMAND...
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n==> %s\n' "$name"
    if "$@"; then
        passed=$((passed + 1))
        echo "<== $name: ok, $((SECONDS - start)) s"
    else
        failed+=("$name")
        echo "<== $name: FAILED, $((SECONDS - start)) s"
    fi
}

# skip NAME WHY
skip() {
    printf '\n==> %s\n' "$1"
    if [ "${CI:-}" = true ]; then
        failed+=("$1")
        echo "<== $1: FAILED, cannot run: $2"
    else
        skipped+=("$1")
        echo "<== $1: skipped: $2"
    fi
}

# What the steps beyond cargo need, as command:package.
tools=(ip:iproute2 tc:iproute2 openssl:openssl cc:gcc make:make bzip2:bzip2 setpriv:util-linux unshare:util-linux python3:python3 ldd:libc-bin)
if [ -z "$quick" ]; then
    tools+=(qemu-system-x86_64:qemu-system-x86 busybox:busybox-static xz:xz-utils cpio:cpio)
fi

# find_missing: the packages of the commands that are not there; into `missing`
find_missing() {
    local tool
    missing=()
    for tool in "${tools[@]}"; do
        have "${tool%:*}" || missing+=("${tool#*:}")
    done
}

# Installs what is missing, if we may; into `lacking` what keeps the end-to-end tests and the rig from running.
prepare() {
    PATH=$PATH:/usr/sbin:/sbin
    lacking=
    find_missing
    if ! have apt-get; then
        lacking="needs a Debian-like system, whose packages hold the peers and the kernel"
        return 0
    fi
    if [ "$(id -u)" = 0 ]; then
        if [ "${#missing[@]}" -gt 0 ] || ! apt-cache show linux-image-amd64 > /dev/null 2>&1; then
            echo "refreshing the package lists"
            apt-get -q update
        fi
        if [ "${#missing[@]}" -gt 0 ]; then
            echo "installing: ${missing[*]}"
            DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
        fi
        find_missing
    fi
    if [ "${#missing[@]}" -gt 0 ]; then
        lacking="as root: apt-get install ${missing[*]}"
        echo "missing: ${missing[*]}"
    fi
    return 0
}

# Whether network namespaces can be made, which the end-to-end tests live in.
can_make_namespaces() {
    local name=truechimer-try-$$
    ip netns add "$name" 2> /dev/null && ip netns del "$name"
}

deny() {
    local root=$TRUECHIMER_CACHE/cargo-deny-$deny_version
    local program=$root/bin/cargo-deny
    if [ ! -x "$program" ]; then
        echo "installing cargo-deny $deny_version (two or three minutes, once)"
        # Not into the workspace's target folder: the two have nothing in common.
        env -u CARGO_TARGET_DIR cargo install --quiet --locked cargo-deny --version "$deny_version" --root "$root" ||
            return 1
    fi
    "$program" check licenses bans sources
}

run_tests() {
    if cargo nextest --version > /dev/null 2>&1; then
        cargo nextest run --workspace --no-fail-fast
    else
        cargo test --workspace --all-targets
    fi
}

if ! have cargo; then
    echo "test.sh: needs cargo (a Rust toolchain with rustfmt and clippy), which it cannot install" >&2
    exit 1
fi

step "tools" prepare
step "format" cargo fmt --all --check
step "clippy" cargo clippy --workspace --all-targets -- -D warnings
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
[ -n "$quick" ] || step "licences, bans, sources" deny

if [ -n "$lacking" ]; then
    skip "peers" "$lacking"
else
    step "peers" tests/peers/fetch.sh "$TRUECHIMER_CACHE"
fi
if ! can_make_namespaces; then
    skip "network namespaces" "the end-to-end tests need root, or CAP_SYS_ADMIN and CAP_NET_ADMIN"
fi
step "tests" run_tests
step "documentation tests" cargo test --doc --workspace
# A workspace of its own, so nothing else would notice that a target no longer compiles.
step "fuzz targets compile" cargo check --quiet --manifest-path fuzz/Cargo.toml --bins

if [ -z "$quick" ]; then
    for scenario in tests/rig/scenarios/*.sh; do
        name=$(basename "$scenario" .sh)
        [ "$name" != common ] || continue
        if [ -n "$lacking" ]; then
            skip "rig: $name" "$lacking"
        elif [ "$(uname -m)" != x86_64 ]; then
            skip "rig: $name" "the guest is an x86_64 machine and runs the programs built here"
        else
            step "rig: $name" tests/rig/run.sh "$name"
        fi
    done
fi

echo
for name in "${skipped[@]}"; do echo "skipped: $name"; done
for name in "${failed[@]}"; do echo "FAILED: $name"; done
echo "The whole took $((SECONDS - began)) s."
echo "steps: $passed passed, ${#failed[@]} failed, ${#skipped[@]} skipped"
[ "${#failed[@]}" -eq 0 ]
