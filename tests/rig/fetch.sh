#!/bin/bash
# fetch.sh CACHE [qemu10]: lays the rig's parts into CACHE, from Debian packages that are unpacked and never installed.
#
#   CACHE/rig/k         Debian's stock kernel image and its modules
#   CACHE/rig/vmlinux   the same kernel as plain ELF, which QEMU starts in a third of the time
#   CACHE/rig/qemu10    with qemu10: QEMU 10 from Debian's backports, which has network cards with a good clock
#
# Only the emulator and small tools are installed, and only where they are missing and we may.
# Safe to repeat: what is there stays.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?usage: fetch.sh CACHE [qemu10]}/rig
with=${2:-}
mkdir -p "$cache/deb"
# The package lists are readable for all; the sandbox user of apt often cannot write into a home directory.
apt=(apt-get -o APT::Sandbox::User=root)

missing=()
command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
[ -x /usr/bin/busybox ] || missing+=(busybox-static)
command -v xz >/dev/null || missing+=(xz-utils)
command -v cpio >/dev/null || missing+=(cpio)
command -v python3 >/dev/null || missing+=(python3)
[ -x /usr/sbin/ip ] && [ -x /usr/sbin/tc ] || missing+=(iproute2)
if [ "${#missing[@]}" -gt 0 ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "fetch.sh: missing, and only root can install: ${missing[*]}" >&2
        exit 1
    fi
    echo "fetch.sh: installing ${missing[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ ! -e "$cache/vmlinux" ]; then
    image=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*amd64\)$/\1/p' | head -n 1)
    if [ -z "$image" ]; then
        echo "fetch.sh: no linux-image-amd64 in the package lists (apt-get update?)" >&2
        exit 1
    fi
    rm -rf "$cache/k" "$cache"/deb/linux-image-*
    (cd "$cache/deb" && "${apt[@]}" -q download "$image")
    dpkg-deb -x "$cache"/deb/linux-image-*.deb "$cache/k"
    # Under a name of its own until whole, so that an interrupted run is not taken for a finished one.
    python3 "$here/extract_vmlinux.py" "$cache"/k/boot/vmlinuz-* "$cache/vmlinux.part"
    mv "$cache/vmlinux.part" "$cache/vmlinux"
    rm -rf "$cache/deb"
fi

# QEMU 10 lies beside the machine's own, whose libraries and firmware it uses.
fetch_qemu10() {
    local lists=$cache/apt mirror options
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' |
        awk '$2 !~ /-/ && !found { print $1; found = 1 }')
    if [ -z "$mirror" ]; then
        echo "fetch.sh: apt knows no mirror (apt-get update?)" >&2
        return 1
    fi
    rm -rf "$lists" "$cache/qemu10.part"
    mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial" "$lists/deb"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm-backports main" \
        > "$lists/sources.list"
    options=(-q -o "Dir::State::lists=$lists/lists" -o "Dir::Cache=$lists/cache" -o Acquire::Languages=none
        -o "Dir::Etc::sourcelist=$lists/sources.list" -o Dir::Etc::sourceparts=-)
    "${apt[@]}" "${options[@]}" update
    (cd "$lists/deb" && "${apt[@]}" "${options[@]}" download qemu-system-x86 qemu-system-common qemu-system-data)
    for package in "$lists"/deb/*.deb; do
        dpkg-deb -x "$package" "$cache/qemu10.part"
    done
    if ! "$cache/qemu10.part/usr/bin/qemu-system-x86_64" --version; then
        echo "fetch.sh: QEMU 10 does not start: a library is missing, or too old" >&2
        return 1
    fi
    mv "$cache/qemu10.part" "$cache/qemu10"
    rm -rf "$lists"
}
if [ "$with" = qemu10 ] && [ ! -d "$cache/qemu10" ]; then
    fetch_qemu10
fi
