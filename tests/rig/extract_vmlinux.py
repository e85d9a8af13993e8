#!/usr/bin/env python3
"""extract_vmlinux.py BZIMAGE OUT: takes the ELF kernel out of a compressed x86 boot image.

The boot header says where the compressed kernel lies ("payload", Documentation/arch/x86/boot.rst). Emulated,
unpacking it takes most of the boot; done here once, it takes a second or two.
"""

import struct
import subprocess
import sys

UNPACKERS = {
    b"\xfd7zXZ": ["xz", "-dc"],
    b"\x1f\x8b": ["gzip", "-dc"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dc"],
}

image_path, out_path = sys.argv[1:3]
with open(image_path, "rb") as file:
    image = file.read()

# setup_sects: the real-mode part before the payload, in sectors; zero means four, for old loaders' sake.
sectors = image[0x1F1] or 4
offset, length = struct.unpack_from("<II", image, 0x248)
payload = image[(sectors + 1) * 512 + offset :][:length]

for magic, command in UNPACKERS.items():
    if payload.startswith(magic):
        # The last four bytes are the unpacked length, put there by the kernel's build.
        (size,) = struct.unpack("<I", payload[-4:])
        kernel = subprocess.run(command, input=payload[:-4], stdout=subprocess.PIPE, check=True).stdout
        break
else:
    sys.exit(f"{image_path}: unknown compression, payload begins with {payload[:6].hex()}")

if len(kernel) != size or not kernel.startswith(b"\x7fELF"):
    sys.exit(f"{image_path}: {len(kernel)} bytes came out, expected an ELF file of {size}")
with open(out_path, "wb") as file:
    file.write(kernel)
