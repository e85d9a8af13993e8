#!/bin/bash
# run.sh SCENARIO: runs tests/rig/scenarios/SCENARIO.sh in a guest, prints its figures and the verdict.
#
# Fetches and builds what is missing. Exit status: the guest's, 0 if all held.
#
#   TRUECHIMER_CACHE  where kernels and packages are kept (default ~/.cache/truechimer)
#   SHIFT=N, QEMU=10  as in run-qemu.sh; a scenario may say in its head what it wants
#   REFERENCE=chrony  put Debian's chronyd in the daemon's place: shows what the rig itself allows
#   SEED=WORD         another word is another run, the same word the same run (default 1)
#   KEEP=DIR          leave the guest's console there, as SCENARIO.log
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
name=${1:?usage: run.sh SCENARIO; there are: $(cd "$here/scenarios" && echo *.sh | sed 's/\.sh//g; s/common //')}
scenario=$here/scenarios/$name.sh
if [ ! -e "$scenario" ]; then
    echo "run.sh: no scenario $name" >&2
    exit 64
fi

# head KEY: what a scenario says about itself in its head, as `# KEY: words`
head() {
    sed -n "s/^# $1: //p" "$scenario"
}

cache=${TRUECHIMER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/truechimer}
QEMU=${QEMU:-$(head qemu)} SHIFT=${SHIFT:-$(head shift)}
export QEMU SHIFT
read -ra devices <<< "$(head devices)"
"$here/fetch.sh" "$cache" ${QEMU:+"qemu$QEMU"}

target=${CARGO_TARGET_DIR:-$repository/target}
binaries=(/usr/sbin/ip /usr/sbin/tc)
# What a scenario needs is in its head, so that the rig can be tried without the daemon.
packages=(-p truechimer-tests)
wanted=("$target/release/rigtool")
# needs NAME: whether a scenario says that it does
needs() {
    [[ " $(head needs) " == *" $1 "* ]]
}
if [ "${REFERENCE:-}" = chrony ]; then
    binaries+=("$cache/peers/chrony/usr/sbin/chronyd")
elif needs ntpd; then
    packages+=(-p ntpd)
    wanted+=("$target/release/ntpd" "$target/release/ntpctl")
fi
if needs gpsd; then
    binaries+=("$cache/peers/gpsd/usr/sbin/gpsd")
fi
if [[ " ${binaries[*]}" == *" $cache/peers/"* ]]; then
    "$here/../peers/fetch.sh" "$cache"
    export LD_LIBRARY_PATH=$cache/peers/lib:$cache/peers/lib-gpsd
fi
# Always through cargo, which knows best whether they are up to date. Not with the peers' libraries.
(unset LD_LIBRARY_PATH && cd "$repository" && cargo build --quiet --release "${packages[@]}")
for binary in "${wanted[@]}"; do
    if [ ! -x "$binary" ]; then
        echo "run.sh: $binary was not built" >&2
        exit 1
    fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/$name.log
"$here/mkinitrd.sh" "$cache" "$work/initrd" "$scenario" "${binaries[@]}" "${wanted[@]}"
unset LD_LIBRARY_PATH

started=$SECONDS rc=0
"$here/run-qemu.sh" "$cache" "$work/initrd" "$log" ${devices[@]+"${devices[@]}"} || rc=$?
# The serial console ends lines as terminals do.
sed -i 's/\r$//' "$log"
if [ -n "${KEEP:-}" ]; then
    mkdir -p "$KEEP"
    cp "$log" "$KEEP/"
fi
grep '^FIGURE ' "$log" || true
guest=$(sed -n 's/^RIG rc=.* after \([0-9.]*\) s$/\1/p' "$log")
if [ "$rc" = 0 ]; then
    echo "rig $name: passed, ${guest:-?} s of the guest in $((SECONDS - started)) s"
else
    echo "rig $name: FAILED with $rc after $((SECONDS - started)) s; the guest's console:" >&2
    tail -n 100 "$log" >&2
fi
exit "$rc"
