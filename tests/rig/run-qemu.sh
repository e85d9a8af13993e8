#!/bin/bash
# run-qemu.sh CACHE INITRD LOG [QEMU OPTION...]: boots the guest in simulated time and waits until it is done.
#
# -icount counts instructions and takes them for time; with sleep=off the guest's idle time is skipped instead of
# waited for. So an hour passes in a minute, a busy host cannot disturb the guest, and a run repeats.
#
#   SEED   any word (default 1). Simulated, the guest has nothing random but its kernel's command line, which goes
#          into the pool: another word there is another run, the same word and image the same run
#   SHIFT  one instruction takes 2^SHIFT ns (default 1, a machine of 500 MIPS)
#   LIMIT  give up after so many seconds of real time (default 900)
#   MEM    the guest's memory in MiB (default 256)
#   QEMU   10: the one that fetch.sh takes from Debian's backports (default: the one that is installed)
#
# The serial console goes to LOG. Exit status: the one that the guest's init printed last; 3 if it printed none,
# which is a panic, or a guest that did not finish within LIMIT.
set -u

cache=${1:?usage: run-qemu.sh CACHE INITRD LOG [QEMU OPTION...]}/rig initrd=$2 log=$3
shift 3

emulator=(qemu-system-x86_64)
if [ "${QEMU:-}" = 10 ]; then
    # Its own files first; firmware that is a package of its own lies where the installed one has it.
    emulator=("$cache/qemu10/usr/bin/qemu-system-x86_64" -L "$cache/qemu10/usr/share/qemu" -L /usr/share/qemu
        -L /usr/share/seabios)
fi

timeout "${LIMIT:-900}" "${emulator[@]}" -accel tcg \
    -icount "shift=${SHIFT:-1},sleep=off" -rtc base=2026-01-01T00:00:00,clock=vm \
    -M q35 -m "${MEM:-256}" -smp 1 -nodefaults -no-reboot -display none \
    -kernel "$cache/vmlinux" -initrd "$initrd" \
    -append "console=ttyS0 panic=-1 quiet loglevel=3 tsc=reliable random.trust_cpu=on rig.seed=${SEED:-1}" \
    -serial "file:$log" "$@" < /dev/null

rc=$(sed -n 's/.*RIG rc=\([0-9]*\).*/\1/p' "$log" | tail -n 1)
exit "${rc:-3}"
