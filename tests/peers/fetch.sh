#!/bin/bash
# fetch.sh CACHE: lays the other NTP programs of Debian 12 into CACHE/peers, unpacked and never installed, so that
# none of them starts as a service and they do not get in each other's way.
#
# Safe to repeat: what is there stays. A download that fails, or a program that would not start for want of a
# library, is an error. README.md tells how to run them.
set -euo pipefail

cache=${1:?usage: fetch.sh CACHE}/peers
mkdir -p "$cache"
# The package lists are readable for all; the sandbox user of apt often cannot write into a home directory.
apt=(apt-get -q -o APT::Sandbox::User=root)

# fetch FOLDER PACKAGE...: the packages, unpacked over each other
fetch() {
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

fetch chrony chrony
fetch ntpsec ntpsec ntpsec-ntpdig ntpsec-ntpdate python3-ntp
fetch openntpd openntpd
fetch libraries libbsd0 libcap2 libedit2 libffi8 libgmp10 libgnutls30 libhogweed6 libidn2-0 libmd0 libnettle8 \
    libp11-kit0 libseccomp2 libssl3 libtasn1-6 libtinfo6 libunistring2
# One flat folder for LD_LIBRARY_PATH, whatever multiarch names the packages use.
if [ ! -d "$cache/lib" ]; then
    mkdir "$cache/lib.part"
    find "$cache/libraries" -name '*.so*' \( -type f -o -type l \) -path '*/lib/*' ! -path '*/engines-3/*' \
        ! -path '*/ossl-modules/*' -exec cp -P {} "$cache/lib.part/" \;
    mv "$cache/lib.part" "$cache/lib"
fi

# ntpdig's modules look for their library beside themselves, or where the package would have put it.
ln -sf ../../../x86_64-linux-gnu/ntp/libntpc.so.1 "$cache/ntpsec/usr/lib/python3/dist-packages/ntp/libntpc.so"

# start NAME PROGRAM [INTERPRETER]: a starter that gives the program its libraries, and nobody else. It takes the
# right to set the clock away: tests run beside other work, on the one clock of the machine.
start() {
    local name=$1 program=$2 interpreter=${3:-} lacking
    if [ ! -x "$cache/$program" ]; then
        echo "fetch.sh: $program is not in its package" >&2
        return 1
    fi
    if lacking=$(LD_LIBRARY_PATH=$cache/lib ldd "$cache/$program" 2>/dev/null | grep 'not found'); then
        echo "fetch.sh: $program lacks:" "$lacking" >&2
        return 1
    fi
    mkdir -p "$cache/bin"
    cat > "$cache/bin/$name.part" <<STARTER
#!/bin/sh
peers=\$(cd "\$(dirname "\$0")/.." && pwd)
export LD_LIBRARY_PATH="\$peers/lib" PYTHONPATH="\$peers/ntpsec/usr/lib/python3/dist-packages" PATH="\$peers/bin:\$PATH"
if [ "\$(id -u)" = 0 ]; then set -- setpriv --bounding-set=-sys_time $interpreter "\$peers/$program" "\$@"
else set -- $interpreter "\$peers/$program" "\$@"; fi
exec "\$@"
STARTER
    chmod +x "$cache/bin/$name.part"
    mv "$cache/bin/$name.part" "$cache/bin/$name"
}

start chronyd chrony/usr/sbin/chronyd
start chronyc chrony/usr/bin/chronyc
start ntpsec-ntpd ntpsec/usr/sbin/ntpd
start ntpq ntpsec/usr/bin/ntpq /usr/bin/python3
start ntpdig ntpsec/usr/bin/ntpdig /usr/bin/python3
start ntpdate ntpsec/usr/sbin/ntpdate
start openntpd.program openntpd/usr/sbin/ntpd

# OpenNTPD insists on a user of its own with an empty home, and on folders that its package would have made. It
# gets them in a mount namespace where nobody else sees them.
cat > "$cache/bin/openntpd.part" <<'STARTER'
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
chmod +x "$cache/bin/openntpd.part"
mv "$cache/bin/openntpd.part" "$cache/bin/openntpd"
