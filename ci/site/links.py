#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the links of a folder of HTML pages: that files and anchors are there, and that nothing is loaded from
elsewhere. Links to other sites are looked at, not followed.

    links.py FOLDER
"""

import glob
import html.parser
import os
import re
import sys
import urllib.parse

LOADS = {("img", "src"), ("script", "src"), ("link", "href"), ("object", "data"), ("iframe", "src"), ("source", "src")}


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.anchors, self.links = set(), []
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src", "data") and value is not None:
                self.links.append((value, (tag, name) in LOADS, self.getpos()[0]))


def check_elsewhere(link, loads):
    parts = urllib.parse.urlsplit(link)
    if parts.scheme in ("http", "https"):
        if loads:
            return "is loaded from elsewhere"
        return None if re.fullmatch(r"[\w.-]+(:\d+)?", parts.netloc) and " " not in link else "is no address"
    if parts.scheme == "mailto":
        return None if "@" in parts.path else "is no address"
    return None if parts.scheme in ("javascript", "data") else "has an unknown scheme"


def main():
    folder = sys.argv[1]
    pages = {os.path.basename(path): Page(path) for path in glob.glob(os.path.join(folder, "*.html"))}
    wrong, count, elsewhere = [], 0, 0
    links = [(name, *link) for name, page in pages.items() for link in page.links]
    for path in glob.glob(os.path.join(folder, "navtree*.js")):  # the tree at the side
        with open(path, encoding="utf-8") as file:
            for link in re.findall(r'"([\w-]+\.html(?:#[\w-]+)?)"', file.read()):
                links.append((os.path.basename(path), link, False, 0))
    for name, link, loads, line in links:
        count += 1
        if re.match(r"[a-z][a-z+.-]*:|//", link):
            elsewhere += 1
            complaint = check_elsewhere(link, loads)
        else:
            path, _, anchor = urllib.parse.unquote(link).partition("#")
            path = path or name
            if not os.path.isfile(os.path.join(folder, path)):
                complaint = "leads nowhere"
            elif line == 0 and path.endswith("_8hpp.html"):
                complaint = None  # Doxygen's tree gives members of a namespace the file's page, which has no such anchor
            elif anchor and path in pages and anchor not in pages[path].anchors:
                complaint = "leads to no anchor"
            else:
                complaint = None
        if complaint:
            wrong.append(f"{name}:{line}: {link} {complaint}")
    for complaint in sorted(set(wrong)):
        print(complaint, file=sys.stderr)
    print(f"{len(pages)} pages, {count} links, {elsewhere} of them to elsewhere, {len(set(wrong))} broken")
    return 1 if wrong or "index.html" not in pages or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
