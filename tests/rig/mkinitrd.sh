#!/bin/bash
# mkinitrd.sh CACHE OUT SCENARIO [BINARY...]: makes the guest's whole file system.
#
# It holds busybox, the kernel modules that SCENARIO asks for, the binaries with the libraries that ldd names (so
# nothing needs a static build), the scripts beside SCENARIO, and an init that runs SCENARIO as its only work.
#
# A scenario names its modules in a comment, in loading order, as Debian's packages carry no list of
# dependencies:   # modules: drivers/net/veth net/sched/sch_netem
# A module's parameters follow it after commas: drivers/parport/parport_pc,io=0x378,irq=7
set -euo pipefail

cache=${1:?usage: mkinitrd.sh CACHE OUT SCENARIO [BINARY...]}/rig out=$2 scenario=$3
shift 3

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,dev,proc,sys,tmp,run,etc,root,lib/modules,scenarios}

cp /usr/bin/busybox "$root/bin/"
kernel=$(echo "$cache"/k/lib/modules/*/kernel)
read -ra modules <<< "$(sed -n 's/^# modules: //p' "$scenario")"
for module in "${modules[@]}"; do
    IFS=, read -ra words <<< "$module"
    cp "$kernel/${words[0]}.ko" "$root/lib/modules/"
    echo "$(basename "${words[0]}").ko" "${words[@]:1}" >> "$root/lib/modules/order"
done

for binary in "$@"; do
    cp "$binary" "$root/bin/"
    { ldd "$binary" 2>/dev/null || true; } | { grep -o '/[^ ]*' || true; } | sort -u | while read -r library; do
        # The loader has its place in every program's header. It finds the rest in the folder of Debian's
        # architecture, wherever they came from (LD_LIBRARY_PATH may point to unpacked packages).
        case $library in
            */ld-linux*) place=$root$(dirname "$library") ;;
            *) place=$root/lib/x86_64-linux-gnu ;;
        esac
        mkdir -p "$place"
        cp -Ln "$library" "$place/"
    done
done

# Daemons look up the users they run as; without this file even root is unknown.
echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
cp "$(dirname "$scenario")"/*.sh "$root/scenarios/"
ln -s "scenarios/$(basename "$scenario")" "$root/scenario.sh"

cat > "$root/init" <<'INIT'
#!/bin/busybox sh
for applet in $(/bin/busybox --list); do [ -e /bin/$applet ] || /bin/busybox ln -s busybox /bin/$applet; done
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for place in /dev/shm /run /tmp; do mount -t tmpfs tmp $place; done
# busybox prefers its own applets to files of the same name: these two are wanted as they are in iproute2.
ip() { /bin/ip "$@"; }
tc() { /bin/tc "$@"; }
if [ -e /lib/modules/order ]; then
    # Words on purpose: the module and its parameters.
    while read -r module; do insmod /lib/modules/$module || echo "RIG insmod $module failed"; done < /lib/modules/order
fi
ip link set lo up
echo "RIG up $(uname -r) after $(cut -d' ' -f1 /proc/uptime) s"
. /scenario.sh
echo "RIG rc=$? after $(cut -d' ' -f1 /proc/uptime) s"
sync
poweroff -f
INIT
chmod +x "$root/init"
# The same contents give the same image, down to dates and inode numbers, and so the same run.
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet --reproducible) > "$out"
