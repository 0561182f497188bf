#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the pages say is tested where: every test that they name is there.

    references.py

In docs/testing.md, the table of promises: each name of its second column is a file or a directory of
test/, a name without a directory stands in that of the name before it, and a number of rounds is in
that file. In all pages: each name that ends in `_test` is a test. In docs/windows.md: each pattern for
`--only` finds a test program, and the suite that it names.
"""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEST = os.path.join(ROOT, "test")
wrong = []


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def find(name):
    """The file or the directory of that name below test/, or None."""
    for end in ("", ".c", ".cpp", ".py"):
        if os.path.exists(os.path.join(TEST, name + end)):
            return os.path.join(TEST, name + end)
    return None


def check_promises(page):
    rows = re.search(r"^\| promise \|.*?\n\n", page, re.MULTILINE | re.DOTALL)
    if not rows:
        wrong.append("docs/testing.md has no table of promises")
        return
    for row in rows.group(0).strip().splitlines()[2:]:
        tests, folder, found = row.split("|")[2], "", None
        names = re.findall(r"`([^`]+)`(?: \(([\d,]+) rounds\))?", tests)
        if not names:
            wrong.append(f"docs/testing.md names no test: {row}")
        for name, rounds in names:
            if name.startswith("ci/"):
                found = os.path.join(ROOT, name)
                found = found if os.path.exists(found) else None
            else:
                folder = name.rpartition("/")[0] if "/" in name else folder
                found = find(name if "/" in name else f"{folder}/{name}")
            if not found:
                wrong.append(f"docs/testing.md: there is no test {name}")
            elif rounds and rounds.replace(",", "") not in read(found):
                wrong.append(f"docs/testing.md: {name} has not {rounds} rounds")


def check_names(path, page):
    known = {os.path.splitext(os.path.basename(each))[0]
             for each in glob.glob(os.path.join(TEST, "**", "*_test.*"), recursive=True)}
    for name in set(re.findall(r"`(?:[\w/]+/)?(\w+_test)`", page)) - known:
        wrong.append(f"{path}: there is no test {name}")


def check_patterns(page):
    patterns = re.findall(r"`\^dll/([^`]*)`", page)
    if not patterns:
        wrong.append("docs/windows.md names no tests")
    for pattern in patterns:
        program, whole, suite = pattern.partition("/")
        found = glob.glob(os.path.join(TEST, "*", f"{program}_test.c" if whole else f"{program}*_test.c"))
        if not found or suite and not any(f'{{"{suite}"' in read(each) for each in found):
            wrong.append(f"docs/windows.md: no test is ^dll/{pattern}")


def main():
    for path in sorted(glob.glob(os.path.join(ROOT, "*.md")) + glob.glob(os.path.join(ROOT, "docs", "*.md"))):
        check_names(os.path.relpath(path, ROOT), read(path))
    check_promises(read("docs", "testing.md"))
    check_patterns(read("docs", "windows.md"))
    for each in wrong:
        print(f"references: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
