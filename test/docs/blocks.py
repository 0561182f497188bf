#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The code in the documentation: finds every block, and compiles or parses it.

    blocks.py --check [--work DIRECTORY]      all pages and headers
    blocks.py --program NAME FILE OUTPUT      writes one whole program of a page

What a block is, its language says, and a comment in the line before it where that is not enough:

    ```c, ```cpp       a whole program if it has a main function
      <!-- program: NAME -->   and tests can ask for it by this name
      <!-- frame: NAME -->     otherwise: it stands in test/docs/frames/NAME.frame, where that says @@
    ```sh, or indented  a shell can parse it
    ```cmake            CMake can configure a project with it
    ```csharp, ```python, ```text   C# is not compiled; Python is parsed
      <!-- text -->            a block that is no code, whatever it looks like

In docs/porting.md what stands in the second column of a table and ends with a semicolon is C, in the frame
`statements`. Every function of the headers has to be called there or in a block of that page. An indented
block in a header's comment is C in the frame `statements`, too.
"""

import argparse
import ast
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FRAMES = os.path.join(ROOT, "test", "docs", "frames")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wcast-qual", "-Werror", "-fsyntax-only",
            "-I" + os.path.join(ROOT, "include")]
STRICT_C = ["-Wstrict-prototypes", "-Wmissing-prototypes"]
# A fragment shows what it shows: it may leave a variable unused, a function uncalled, and declare what the frame has.
LOOSE = ["-Wno-unused", "-Wno-unused-parameter", "-Wno-unused-but-set-parameter",
         "-Wno-shadow"]
COMPILERS = {
    "c": [["x86_64-w64-mingw32-gcc-win32", "-x", "c", "-std=c11"],
          ["clang", "--target=x86_64-w64-mingw32", "-x", "c", "-std=c11"]],
    "cpp": [["x86_64-w64-mingw32-g++-win32", "-x", "c++", "-std=c++17"],
            ["x86_64-w64-mingw32-g++-win32", "-x", "c++", "-std=c++20"]],
}
LANGUAGES = {"c", "cpp", "sh", "cmake", "csharp", "python", "text"}
PORTING = "docs/porting.md"
NO_NAMES = {"apm_noun_verb"}  # what stands for all names
MAIN = re.compile(r"^(int|auto) (main|wmain|WINAPI w?WinMain)\(", re.M)


class Block:
    def __init__(self, page, line, language, text, note):
        self.page, self.line, self.language, self.text = page, line, language, text
        self.kind, _, self.name = (note or "").partition(":")
        self.kind, self.name = self.kind.strip(), self.name.strip()

    def where(self):
        return f"{self.page}:{self.line}"


def pages():
    found = [p for pattern in ("*.md", "docs/*.md") for p in glob.glob(os.path.join(ROOT, pattern))]
    return sorted(os.path.relpath(p, ROOT).replace(os.sep, "/") for p in found)


def headers():
    found = [p for pattern in ("*.h", "*.hpp") for p in glob.glob(os.path.join(ROOT, "include/apmsock", pattern))]
    return sorted(os.path.relpath(p, ROOT).replace(os.sep, "/") for p in found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def blocks_of_page(page, text=None):
    """Fenced blocks, and indented ones after an empty line that are no part of a list."""
    found, fence, note, indented, lists = [], None, None, None, False
    lines = (read(page) if text is None else text).split("\n")
    for number, line in enumerate(lines + [""], 1):
        opening = re.match(r"^( *)(```+|~~~+) *(\S*)\s*$", line)
        if fence is not None:
            if line.strip() == fence["mark"]:
                found.append(Block(page, fence["line"], fence["language"], "\n".join(fence["text"]) + "\n", note))
                fence, note = None, None
            else:
                fence["text"].append(line[fence["indent"]:])
            continue
        if indented is not None:
            if line.startswith("    ") or not line.strip():
                indented["text"].append(line[4:])
                if number <= len(lines):
                    continue
            found.append(Block(page, indented["line"], "sh", "\n".join(indented["text"]) + "\n", note))
            indented, note = None, None
        if opening:
            fence = {"line": number, "language": opening.group(3), "mark": opening.group(2), "text": [],
                     "indent": len(opening.group(1))}
            continue
        if line.startswith("    ") and line.strip() and not lists and (number == 1 or not lines[number - 2].strip()):
            indented = {"line": number, "text": [line[4:]]}
            continue
        comment = re.match(r"^<!-- *((?:program|frame): *\w+|text)\b.*-->$", line.strip())
        if comment:
            note = comment.group(1)
        elif line.strip():
            note = None
            lists = re.match(r"^ *([-*+]|\d+\.) ", line) is not None or (lists and line.startswith(" "))
    if fence is not None:
        raise SystemExit(f"{page}:{fence['line']}: the block has no end")
    return found


def blocks_of_header(header):
    """The comments' text as a page of its own, line by line; an indented block is C."""
    lines, inside = [], False
    for line in read(header).split("\n"):
        text = ""
        starts = re.search(r"/\*\*", line)
        if starts or inside:
            text = re.sub(r"^\s*(/\*\*|\*(?!/))? ?", "", line).replace("*/", "")
            inside = "*/" not in line
        lines.append(text)
    found = blocks_of_page(header, "\n".join(lines))
    for block in found:
        if block.language == "sh":
            block.language, block.kind, block.name = "c", "frame", "statements"
    return found


def cells(line):
    """The cells of a line of a table; a bar inside of code is written \\|."""
    if not line.startswith("|"):
        return []
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def statements_of_tables(page):
    found = []
    for number, line in enumerate(read(page).split("\n"), 1):
        row = cells(line)
        for code in re.findall(r"`([^`]*;)`", row[1] if len(row) > 1 else ""):
            found.append(Block(page, number, "c", code + "\n", "frame: statements"))
    return found


def frame(block, text=None):
    path = os.path.join(FRAMES, block.name + (".cpp" if block.language == "cpp" else "") + ".frame")
    if not os.path.exists(path):
        raise ValueError(f"{block.where()}: there is no frame {block.name}")
    with open(path, encoding="utf-8") as file:
        before, mark, after = file.read().partition("@@\n")
    if not mark:
        raise ValueError(f"{path} has no line @@")
    return before + (text or f'#line {block.line + 1} "{block.page}"\n{block.text}') + after


def run(command, source=None):
    done = subprocess.run(command, input=source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
                          check=False)
    return "" if done.returncode == 0 else f"{' '.join(command[:4])}:\n{done.stdout}"


def compile_block(language, source, loose):
    more = (STRICT_C if language == "c" else []) + (LOOSE if loose else [])
    return "".join(run([*compiler, *WARNINGS, *more, "-"], source) for compiler in COMPILERS[language])


def check_code(block):
    if block.kind == "frame":
        return compile_block(block.language, frame(block), loose=True)
    if not MAIN.search(block.text):
        return "it has no main function, and no frame is named\n"
    return compile_block(block.language, f'#line {block.line + 1} "{block.page}"\n{block.text}', loose=False)


def check_cmake(block, work):
    place = tempfile.mkdtemp(dir=work)
    with open(os.path.join(place, "CMakeLists.txt"), "w", encoding="utf-8") as file:
        file.write("cmake_minimum_required(VERSION 3.21)\nproject(docs NONE)\nadd_library(apmsock::apmsock INTERFACE "
                   "IMPORTED)\nadd_library(apmsock::static INTERFACE IMPORTED)\nadd_library(app INTERFACE)\n"
                   "macro(find_package)\nendmacro()\n"
                   + block.text.replace("target_link_libraries(app ", "target_link_libraries(app INTERFACE "))
    return run(["cmake", "-S", place, "-B", os.path.join(place, "build")])


def check_python(block):
    try:
        ast.parse(block.text)
    except SyntaxError as error:
        return f"{error}\n"
    return ""


def check_block(block, work):
    if block.kind == "text":
        return ""
    if block.language not in LANGUAGES:
        return f"a block without a known language: {block.language!r}\n"
    if block.language in ("c", "cpp"):
        return check_code(block)
    if block.language == "sh":
        return run(["bash", "-n"], block.text)
    if block.language == "cmake":
        return check_cmake(block, work)
    return check_python(block) if block.language == "python" else ""


def declared():
    text = "\n".join(read(header) for header in headers() if header.endswith(".h"))
    return set(re.findall(r"\b(apm_[a-z0-9_]+)\(", " ".join(re.findall(r"\bAPM_API [^(;]*\(", text))))


def known_names():
    return set(re.findall(r"\b(?:apm|APM)_\w+\b", "\n".join(read(header) for header in headers())))


def check_names(page, names):
    """Names of the interface that are none. One that ends with _ stands for all that begin so."""
    wrong = []
    for number, line in enumerate(read(page).split("\n"), 1):
        for name in re.findall(r"(?<![\w./-])(?:apm_[a-z0-9_]+|APM_[A-Z0-9_]+)(?![\w.]*[/-])\b", line):
            if name not in names and not (name.endswith("_") and any(n.startswith(name) for n in names)):
                wrong.append(f"{page}:{number}: the headers have no {name}\n")
    return wrong


def check_porting(work):
    """Every public function is shown in use in the porting guide."""
    code = [b for b in blocks_of_page(PORTING) if b.language == "c"] + statements_of_tables(PORTING)
    called = set(re.findall(r"\b(apm_\w+)\(", "\n".join(b.text for b in code)))
    functions = declared()
    if len(functions) < 50:
        return ["the headers were not understood\n"]
    wrong = [f"{PORTING}: {name} is not shown in use\n" for name in sorted(functions - called)]
    rows = statements_of_tables(PORTING)
    source = "".join(f'#line {b.line} "{b.page}"\n{{ {b.text} }}\n' for b in rows)
    if not rows:
        return wrong + [f"{PORTING}: no table has C\n"]
    complaint = compile_block("c", frame(rows[0], source), loose=True)
    return wrong + ([complaint] if complaint else [])


def check(work):
    wrong, counts, programs, names = [], {}, set(), known_names() | NO_NAMES
    for block in [b for p in pages() for b in blocks_of_page(p)] + [b for h in headers() for b in blocks_of_header(h)]:
        language = "text" if block.kind == "text" else block.language or "unnamed"
        counts[language] = counts.get(language, 0) + 1
        if block.kind == "program":
            if (block.page, block.name) in programs:
                wrong.append(f"{block.where()}: a second program of this name\n")
            programs.add((block.page, block.name))
        try:
            complaint = check_block(block, work)
        except ValueError as error:
            complaint = f"{error}\n"
        if complaint:
            wrong.append(f"{block.where()}: {complaint}")
    for page in pages():
        wrong += check_names(page, names)
    wrong += check_porting(work)
    for complaint in wrong:
        sys.stderr.write(complaint)
    print("blocks: " + ", ".join(f"{count} {language}" for language, count in sorted(counts.items()))
          + f"; rows of {PORTING}: {len(statements_of_tables(PORTING))}; C# is not compiled")
    return 1 if wrong or not counts.get("c") else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--work", default=None, help="a directory for what CMake makes")
    parser.add_argument("--program", nargs=3, metavar=("NAME", "FILE", "OUTPUT"))
    options = parser.parse_args()
    if options.check:
        with tempfile.TemporaryDirectory(dir=options.work) as work:
            return check(work)
    if not options.program:
        parser.error("nothing to do")
    name, page, output = options.program
    page = os.path.relpath(os.path.abspath(page), ROOT).replace(os.sep, "/")
    found = [b for b in blocks_of_page(page) if (b.kind, b.name) == ("program", name)]
    if len(found) != 1:
        raise SystemExit(f"{page} has {len(found)} programs named {name}")
    with open(output, "w", encoding="utf-8", newline="\n") as file:
        file.write(f'#line {found[0].line + 1} "{page}"\n{found[0].text}')
    return 0


if __name__ == "__main__":
    sys.exit(main())
