#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Doxygen's input filter for the pages: GitHub's Markdown, as Doxygen 1.9 takes it.

    page.py PAGE >FILTERED

Headings get the names that GitHub gives them, before them the page's; links to pages and headings become
references; pictures lose their folder; comments go.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LANGUAGES = {"csharp": "cs", "python": "py", "cpp": "cpp", "c": "c"}


def slug(heading):
    """GitHub's name of a heading."""
    text = re.sub(r"[`*]", "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def page_name(path):
    return "page_" + re.sub(r"\W", "_", os.path.splitext(os.path.basename(path))[0]).lower()


def title(path):
    with open(path, encoding="utf-8") as file:
        return re.search(r"^# (.*)$", file.read(), re.M).group(1)


def link(match, folder):
    """A link of the page's, as a reference. What is not Markdown lies beside the pages of the site."""
    text, target = match.group(1), match.group(2)
    if re.match(r"[a-z]+:", target):
        return match.group(0)
    path, _, fragment = target.partition("#")
    full = os.path.normpath(os.path.join(folder, path)) if path else None
    if full is not None and not os.path.exists(full):
        raise SystemExit(f"{sys.argv[1]}: the link to {target} leads nowhere")
    if full is not None and not full.endswith(".md"):
        return f'<a href="{os.path.basename(full)}">{text}</a>'
    name = page_name(full) if full else page_name(sys.argv[1])
    if text.endswith(".md"):  # who is named by the file is named by the title
        text = title(full)
    return f"[{text}](@ref {name}{'_' + fragment if fragment else ''})"


def filtered(path):
    name, folder = page_name(path), os.path.dirname(os.path.abspath(path))
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    inside, first, seen = None, True, {}
    for line in lines:
        fence = re.match(r"^ *(```+|~~~+) *(\S*)\s*$", line)
        if inside:
            inside = None if line.strip() == inside else inside
            yield line
            continue
        if fence:
            inside = fence.group(1)
            yield fence.group(1) + LANGUAGES.get(fence.group(2), "{.txt}")
            continue
        if re.match(r"^<!--.*-->$", line.strip()):
            yield ""
            continue
        if line.startswith("    "):
            yield line
            continue
        heading = re.match(r"^(#+) (.*)$", line)
        if heading:
            own = slug(heading.group(2))
            seen[own] = seen.get(own, -1) + 1
            anchor = name if first else f"{name}_{own}" + (f"-{seen[own]}" if seen[own] else "")
            first = False
            yield f"{line} {{#{anchor}}}"
            continue
        line = re.sub(r"!\[([^\]]*)\]\(([^)]*/)?([^)/]+)\)", r'<img class="picture" src="\3" alt="\1"/>', line)
        yield re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", lambda found: link(found, folder), line)


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.write("\n".join(filtered(sys.argv[1])))


if __name__ == "__main__":
    main()
