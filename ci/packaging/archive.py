# SPDX-License-Identifier: MIT
"""Zip files whose bytes depend on nothing but what is in them.

    archive.py FILE.zip      writes the file again: sorted, with one moment and mode for everything
"""
import os
import sys
import time
import zipfile


def moment():
    """The one date of everything, which SOURCE_DATE_EPOCH gives; a zip begins in 1980."""
    return max(time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6], (1980, 1, 1, 0, 0, 0))


def write(path, contents):
    """contents: the bytes by the name; directories are left out, as they need no entry."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, moment())
            entry.create_system = 3
            entry.external_attr = (0o100755 if name.endswith((".exe", ".dll")) else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, contents[name], compresslevel=9)


def read(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


if __name__ == "__main__":
    write(sys.argv[1], read(sys.argv[1]))
