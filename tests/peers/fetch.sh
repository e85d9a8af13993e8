#!/bin/bash
# fetch.sh CACHE: lays the other NTP programs of Debian 12 and 13, a DNS server and gpsd into CACHE/peers, unpacked and
# never installed, so that none of them starts as a service and they do not get in each other's way.
#
# Safe to repeat: what is there stays. A download that fails, or a program that would not start for want of a
# library, is an error. README.md tells how to run them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?usage: fetch.sh CACHE}/peers
mkdir -p "$cache"
# Several tests may ask at the same time.
exec 9> "$cache/lock"
flock 9
# The package lists are readable for all; the sandbox user of apt often cannot write into a home directory.
apt=(apt-get -q -o APT::Sandbox::User=root)

# unpack FOLDER PACKAGE...: the packages that `apt` gives, unpacked over each other
unpack() {
    local folder=$1 package download
    shift
    if [ -d "$cache/$folder" ]; then return 0; fi
    download=$(mktemp -d)
    if ! (cd "$download" && "${apt[@]}" download "$@"); then
        echo "fetch.sh: cannot download $* (apt-get update?)" >&2
        rm -rf "$download"
        return 1
    fi
    # Under a name of its own until whole, so that an interrupted run is not taken for a finished one.
    rm -rf "$cache/$folder.part"
    for package in "$download"/*.deb; do
        dpkg-deb -x "$package" "$cache/$folder.part"
    done
    mv "$cache/$folder.part" "$cache/$folder"
    rm -rf "$download"
}

# other_release LINE: lets `apt` see a release or kind of package that the machine itself does not use, from the
# machine's own mirror, with lists of its own. %s in the sources line is that mirror.
other_release() {
    local folder=$cache/apt mirror
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' |
        awk '$2 !~ /-/ && !found { print $1; found = 1 }')
    if [ -z "$mirror" ]; then
        echo "fetch.sh: apt knows no mirror (apt-get update?)" >&2
        return 1
    fi
    rm -rf "$folder"
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    # shellcheck disable=SC2059
    printf "$1\n" "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror" > "$folder/sources.list"
    # What the machine has installed must not matter for what is downloaded.
    : > "$folder/status"
    apt+=(-o "Dir::State::lists=$folder/lists" -o "Dir::State::status=$folder/status" -o "Dir::Cache=$folder/cache"
        -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=- -o Acquire::Languages=none
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)
    "${apt[@]}" update
}

# flatten FOLDER FROM: one flat folder of libraries, whatever multiarch names the packages use
flatten() {
    if [ -d "$cache/$1" ]; then return 0; fi
    rm -rf "$cache/$1.part"
    mkdir "$cache/$1.part"
    find "$cache/$2" -name '*.so*' \( -type f -o -type l \) -path '*/lib/*' ! -path '*/engines-3/*' \
        ! -path '*/ossl-modules/*' ! -path '*/gconv/*' ! -path '*/security/*' -exec cp -P {} "$cache/$1.part/" \;
    mv "$cache/$1.part" "$cache/$1"
}

unpack chrony chrony
unpack ntpsec ntpsec ntpsec-ntpdig ntpsec-ntpdate python3-ntp
unpack openntpd openntpd
unpack libraries libbsd0 libcap2 libedit2 libffi8 libgmp10 libgnutls30 libhogweed6 libidn2-0 libmd0 libnettle8 \
    libp11-kit0 libseccomp2 libssl3 libtasn1-6 libtinfo6 libunistring2
flatten lib libraries

unpack timesyncd systemd-timesyncd
unpack timesyncd-libraries libsystemd-shared libacl1 libaudit1 libblkid1 libcap2 libcap-ng0 libcrypt1 libgcrypt20 \
    libgpg-error0 libip4tc2 libkmod2 liblz4-1 liblzma5 libmount1 libpam0g libpcre2-8-0 libseccomp2 libselinux1 \
    libssl3 libzstd1
flatten lib-timesyncd timesyncd-libraries

unpack dnsmasq dnsmasq-base
unpack dnsmasq-libraries libcap2 libdbus-1-3 libgcrypt20 libgmp10 libgpg-error0 libhogweed6 libidn2-0 libjansson4 \
    liblz4-1 liblzma5 libmnl0 libnetfilter-conntrack3 libnettle8 libnfnetlink0 libnftables1 libnftnl11 libsystemd0 \
    libunistring2 libxtables12 libzstd1
flatten lib-dnsmasq dnsmasq-libraries

unpack gpsd gpsd
unpack gpsd-libraries libbluetooth3 libcap2 libdbus-1-3 libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libsystemd0 libudev1 \
    libusb-1.0-0 libzstd1
flatten lib-gpsd gpsd-libraries

# Debian 13. Its programs want its libc, and so its loader.
trixie=(chrony ntpd-rs ntpsec libbsd0 libc6 libcap2 libedit2 libffi8 libgcc-s1 libgmp10 libgnutls30t64 libhogweed6t64
    libidn2-0 libmd0 libnettle8t64 libp11-kit0 libseccomp2 libssl3t64 libtasn1-6 libtinfo6 libunistring5 libzstd1
    zlib1g)
if [ ! -d "$cache/trixie" ]; then
    (
        other_release 'deb %s trixie main'
        unpack trixie "${trixie[@]}"
    )
fi
flatten lib-trixie trixie

# Debian's busybox comes without ntpd, so it is built from the source that Debian ships, as it is, with nothing else
# in it.
build_busybox() {
    local source option
    source=$(mktemp -d)
    other_release 'deb-src %s bookworm main'
    if ! (cd "$source" && "${apt[@]}" --download-only source busybox); then
        echo "fetch.sh: cannot download the source of busybox" >&2
        return 1
    fi
    tar -C "$source" --strip-components=1 -xf "$source"/busybox_*.orig.tar.bz2
    make -s -C "$source" allnoconfig > /dev/null
    for option in LFS LONG_OPTS FEATURE_IPV6 SHOW_USAGE FEATURE_VERBOSE_USAGE NTPD FEATURE_NTPD_SERVER; do
        sed -i "s/^# CONFIG_$option is not set/CONFIG_$option=y/" "$source/.config"
    done
    # `yes` ends by SIGPIPE when everything is answered.
    (set +o pipefail; yes '' | make -s -C "$source" oldconfig > /dev/null)
    if ! make -s -C "$source" -j2 busybox > "$source/build.log" 2>&1; then
        tail -n 20 "$source/build.log" >&2
        echo "fetch.sh: busybox does not build (it needs make, bzip2 and a C compiler)" >&2
        return 1
    fi
    mkdir -p "$cache/busybox"
    cp "$source/busybox" "$cache/busybox/busybox.part"
    mv "$cache/busybox/busybox.part" "$cache/busybox/busybox"
    rm -rf "$source"
}
if [ ! -x "$cache/busybox/busybox" ]; then
    (build_busybox)
fi
rm -rf "$cache/apt"

# ntpdig's modules look for their library beside themselves, or where the package would have put it.
ln -sf ../../../x86_64-linux-gnu/ntp/libntpc.so.1 "$cache/ntpsec/usr/lib/python3/dist-packages/ntp/libntpc.so"

# put NAME: what stands on standard input becomes a program in peers/bin
put() {
    mkdir -p "$cache/bin"
    cat > "$cache/bin/$1.part"
    chmod +x "$cache/bin/$1.part"
    mv "$cache/bin/$1.part" "$cache/bin/$1"
}

# check PROGRAM LACKING: fails unless the program is there and lacks no library
check() {
    if [ ! -x "$cache/$1" ]; then
        echo "fetch.sh: $1 is not in its package" >&2
        return 1
    fi
    if [ -n "$2" ]; then
        echo "fetch.sh: $1 lacks: $2" >&2
        return 1
    fi
}

# start NAME PROGRAM [INTERPRETER [LIBRARIES]]: a starter that gives the program its libraries, and nobody else. It
# takes the right to set the clock away: tests run beside other work, on the one clock of the machine.
start() {
    local name=$1 program=$2 interpreter=${3:-} libraries=${4:-lib}
    check "$program" "$(LD_LIBRARY_PATH=$cache/$libraries ldd "$cache/$program" 2>/dev/null | grep 'not found' || true)"
    put "$name" <<STARTER
#!/bin/sh
peers=\$(cd "\$(dirname "\$0")/.." && pwd)
export LD_LIBRARY_PATH="\$peers/$libraries" PATH="\$peers/bin:\$PATH"
export PYTHONPATH="\$peers/ntpsec/usr/lib/python3/dist-packages"
if [ "\$(id -u)" = 0 ]; then set -- setpriv --bounding-set=-sys_time $interpreter "\$peers/$program" "\$@"
else set -- $interpreter "\$peers/$program" "\$@"; fi
exec "\$@"
STARTER
}

# start_trixie NAME PROGRAM: the same through the loader of Debian 13
start_trixie() {
    local name=$1 program=trixie/$2 loader=lib-trixie/ld-linux-x86-64.so.2
    check "$program" "$("$cache/$loader" --library-path "$cache/lib-trixie" --list "$cache/$program" 2>&1 |
        grep -i 'not found\|cannot' || true)"
    put "$name" <<STARTER
#!/bin/sh
peers=\$(cd "\$(dirname "\$0")/.." && pwd)
set -- "\$peers/$loader" --library-path "\$peers/lib-trixie" "\$peers/$program" "\$@"
if [ "\$(id -u)" = 0 ]; then set -- setpriv --bounding-set=-sys_time "\$@"; fi
exec "\$@"
STARTER
}

start chronyd chrony/usr/sbin/chronyd
start chronyc chrony/usr/bin/chronyc
start ntpsec-ntpd ntpsec/usr/sbin/ntpd
start ntpq ntpsec/usr/bin/ntpq /usr/bin/python3
start ntpdig ntpsec/usr/bin/ntpdig /usr/bin/python3
start ntpdate ntpsec/usr/sbin/ntpdate
start openntpd.program openntpd/usr/sbin/ntpd
start timesyncd.program timesyncd/lib/systemd/systemd-timesyncd "" lib-timesyncd
start busybox busybox/busybox
start dnsmasq dnsmasq/usr/sbin/dnsmasq "" lib-dnsmasq
start gpsd gpsd/usr/sbin/gpsd "" lib-gpsd
start_trixie trixie-chronyd usr/sbin/chronyd
start_trixie trixie-chronyc usr/bin/chronyc
start_trixie trixie-ntpsec-ntpd usr/sbin/ntpd
start_trixie ntpd-rs usr/bin/ntp-daemon
start_trixie ntpd-rs-ctl usr/bin/ntp-ctl

# OpenNTPD insists on a user of its own with an empty home, and on folders that its package would have made. It
# gets them in a mount namespace where nobody else sees them.
put openntpd <<'STARTER'
#!/bin/sh
peers=$(cd "$(dirname "$0")/.." && pwd)
export peers
# shellcheck disable=SC2016
exec unshare --mount sh -euc '
    mount -t tmpfs tmpfs /run
    mkdir /run/openntpd /run/users
    { cat /etc/passwd; echo "ntpd:x:64123:64123::/run/openntpd:/bin/false"; } > /run/users/passwd
    { cat /etc/group; echo "ntpd:x:64123:"; } > /run/users/group
    mount --bind /run/users/passwd /etc/passwd
    mount --bind /run/users/group /etc/group
    case $peers in /var/lib/*) ;; *) mount -t tmpfs tmpfs /var/lib ;; esac
    mkdir -p /var/lib/openntpd/db /var/lib/openntpd/run
    exec "$peers/bin/openntpd.program" "$@"' openntpd "$@"
STARTER

# timesyncd reads a fixed file, keeps state in a fixed folder, insists on a user of its own, and ends if it is root and
# cannot keep the right to set the clock. The argument is the configuration; all else exists in a mount namespace only.
put timesyncd <<'STARTER'
#!/bin/sh
peers=$(cd "$(dirname "$0")/.." && pwd)
config=$(cat "${1:?usage: timesyncd CONFIG}") || exit
export peers config
# shellcheck disable=SC2016
exec unshare --mount sh -euc '
    mount -t tmpfs tmpfs /run
    mkdir -p /run/place/etc /run/systemd/timesync /run/systemd/netif
    user=systemd-timesync
    { grep -v "^$user:" /etc/passwd; echo "$user:x:64124:64124::/:/bin/false"; } > /run/place/passwd
    { grep -v "^$user:" /etc/group; echo "$user:x:64124:"; } > /run/place/group
    echo "$config" > /run/place/etc/timesyncd.conf
    mount --bind /run/place/passwd /etc/passwd
    mount --bind /run/place/group /etc/group
    mkdir -p /etc/systemd
    mount --bind /run/place/etc /etc/systemd
    case $peers in /var/lib/*) ;; *) mount -t tmpfs tmpfs /var/lib ;; esac
    mkdir -p /var/lib/systemd/timesync
    chown 64124:64124 /run/systemd/timesync /var/lib/systemd/timesync
    # The cache may lie in a home that is closed to other users.
    mkdir /run/place/peers
    mount --bind "$peers" /run/place/peers
    exec setpriv --reuid=64124 --regid=64124 --clear-groups /run/place/peers/bin/timesyncd.program' timesyncd
STARTER

# Some programs serve nothing, or end, when they may not set the clock: for these there is a clock that takes every
# order and does not move.
if [ ! "$cache/still_clock.so" -nt "$here/still_clock.c" ]; then
    cc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$cache/still_clock.so.part" "$here/still_clock.c"
    mv "$cache/still_clock.so.part" "$cache/still_clock.so"
fi
put still-clock <<'STARTER'
#!/bin/sh
peers=$(cd "$(dirname "$0")/.." && pwd)
program=${1:?usage: still-clock STARTER ARGUMENT...}
shift
export LD_PRELOAD="$peers/still_clock.so"
exec "$peers/bin/$program" "$@"
STARTER
