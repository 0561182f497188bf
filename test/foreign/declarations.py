#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what the clients in other languages declare with the C headers.

declarations.py --compiler GCC: every function's name, result and arguments; every struct and constant
(by a C source of assertions for the compiler); and that the C++ headers leave out no function.
"""
import argparse
import ctypes
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HANDLES = "apm_socket|apm_async_result|apm_manual_reset_event"
# Each type of a language, and what it may stand for in C.
INTEGERS = {"int32_t": "int32_t", "uint32_t": "uint32_t", "uint16_t": "uint16_t", "size_t": "size_t", "bool": "bool"}
POINTER = rf"(const )?(void|{HANDLES}) \*"
TEXT = r"const char \*"
RUST = {
    "": "void", "i32": "int32_t|apm_error", "apm_error": "apm_error", "u16": "uint16_t", "u32": "uint32_t",
    "usize": "size_t", "bool": "bool", "apm_async_callback": "apm_async_callback",
    "*const c_char": TEXT, "*mut c_void": r"void \*", "*const c_void": r"const void \*", "*mut usize": r"size_t \*",
}
for noun in ("apm_socket", "apm_async_result", "apm_endpoint"):
    RUST[f"*mut {noun}"] = rf"{noun} \*"
    RUST[f"*const {noun}"] = rf"const {noun} \*"
    RUST[f"*mut *mut {noun}"] = rf"{noun} \*\*"
CSHARP = {
    "void": "void", "int": "int32_t|apm_error", "uint": "uint32_t", "ushort": "uint16_t", "UIntPtr": "size_t",
    "IntPtr": rf"{POINTER}|{TEXT}", "byte[]": TEXT, "I1 bool": "bool", "out IntPtr": rf"({HANDLES}) \*\*",
    "out UIntPtr": r"size_t \*", "out apm_endpoint": r"apm_endpoint \*", "in apm_endpoint": r"const apm_endpoint \*",
    "apm_async_callback": "apm_async_callback",
}
wrong, asserted = [], []


def complain(text):
    wrong.append(text)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def c_type(text):
    """A parameter's or result's type, in one spelling, without the name."""
    text = re.sub(r"\b(_Out_|_Inout_|APM_API|APM_CALL)\b", " ", text)
    words = re.findall(r"\w+|\*", text)
    if len(words) > 1 and words[-1] != "*" and words[-2:] != ["const", "char"]:
        words.pop()
    return re.sub(r"\* (?=\*)", "*", " ".join(words))


def c_functions(text, prefix=""):
    """name: (result, [arguments]) of each prototype of the library's."""
    found = {}
    pattern = prefix + r"((?:const )?\w+[ *]+?(?:APM_CALL )?)(apm_[a-z0-9_]+)\(([^()]*)\)"
    for result, name, arguments in re.findall(pattern, text):
        parts = [] if arguments.strip() == "void" else [c_type(part) for part in arguments.split(",")]
        found[name] = (c_type(result + " _"), parts)
    return found


def compare(language, declared, known, accepts):
    """`accepts(theirs, ours)`: whether a type stands for one of C's."""
    if not declared:
        complain(f"{language}: no declaration found")
    for name, (result, arguments) in declared.items():
        if name not in known:
            complain(f"{language}: {name} is not in the headers")
            continue
        ours = [known[name][0]] + known[name][1]
        theirs = [result] + arguments
        if len(ours) != len(theirs):
            complain(f"{language}: {name} has {len(arguments)} arguments, in C {len(ours) - 1}")
            continue
        for place, (their, our) in enumerate(zip(theirs, ours)):
            if not accepts(their, our):
                what = f"argument {place}" if place else "the result"
                complain(f"{language}: {name}: {what} is {their!r}, in C {our!r}")
    print(f"{language}: {len(declared)} functions")


def by_table(table):
    return lambda theirs, ours: theirs in table and re.fullmatch(table[theirs], ours) is not None


def constants(language, text):
    found = re.findall(r"\b(APM_[A-Z0-9_]+)(?:: \w+)? = (-?\d+)", text)
    if not found:
        complain(f"{language}: no constant found")
    for name, value in found:
        asserted.append(f'_Static_assert({name} == ({value}), "{language}: {name}");')


def struct(language, name, fields):
    """`fields`: (name, C's type, how many or 0)."""
    theirs = re.sub(r"\W", "_", f"{language}_{name}")
    if not fields:
        complain(f"{language}: {name} has no fields")
    body = " ".join(f"{kind} {field}{f'[{count}]' if count else ''};" for field, kind, count in fields)
    asserted.append(f"struct {theirs} {{ {body} }};")
    asserted.append(f'_Static_assert(sizeof(struct {theirs}) == sizeof({name}), "{language}: size of {name}");')
    for field, _, _ in fields:
        asserted.append(f"_Static_assert(offsetof(struct {theirs}, {field}) == offsetof({name}, {field}) && "
                        f'sizeof(((struct {theirs} *)0)->{field}) == sizeof((({name} *)0)->{field}), '
                        f'"{language}: {name}.{field}");')


def fields_by(pattern, text, types, order):
    """The fields that `pattern` finds in a struct's body; `order` names its groups."""
    fields = []
    for match in re.finditer(pattern, text):
        part = dict(zip(order, match.groups()))
        fields.append((part["name"], types.get(part["type"], "unknown_type"), int(part["count"] or 0)))
    return fields


def section(text, start, end):
    match = re.search(start + r"(.*?)" + end, text, flags=re.S)
    if match is None:
        complain(f"nothing between {start!r} and {end!r}")
        return ""
    return match.group(1)


def check_lua(known):
    text = (ROOT / "test/foreign/client.lua").read_text()
    cdef = section(text, r"ffi\.cdef \[\[", r"\]\]")
    compare("lua", c_functions(cdef), known, lambda theirs, ours: theirs == ours)
    constants("lua", text)
    body = section(cdef, r"typedef struct apm_endpoint \{", r"\}")
    types = {kind: kind for kind in ("int32_t", "uint64_t")}
    struct("lua", "apm_endpoint", fields_by(r"(\w+) (\w+)(?:\[(\d+)\])?;", body, types, ("type", "name", "count")))


def check_node(known):
    text = (ROOT / "test/foreign/client.js").read_text()
    # Prototypes that are written in two pieces.
    joined = re.sub(r"' \+\s*'", "", text)
    prototypes = "\n".join(re.findall(r"'([^'\n]*\bapm_\w+\([^'\n]*\))'", joined))
    prototypes = "\n".join(line for line in prototypes.split("\n") if "__cdecl" not in line)
    compare("node", c_functions(prototypes), known, lambda theirs, ours: theirs == ours)
    constants("node", text)
    body = section(text, r"koffi\.struct\('apm_endpoint', \{", r"\}\)")
    body = re.sub(r"koffi\.array\('(\w+)', (\d+)\)", r"'\1' \2", body)
    types = {kind: kind for kind in ("int32_t", "uint64_t")}
    struct("node", "apm_endpoint", fields_by(r"(\w+): '(\w+)'(?: (\d+))?", body, types, ("name", "type", "count")))


def check_rust(known):
    text = (ROOT / "test/foreign/client.rs").read_text()
    declared = {}
    for name, arguments, result in re.findall(r"pub fn (apm_\w+)\(([^)]*)\)(?: -> ([^;]+))?;", text):
        parts = [" ".join(part.split(":", 1)[1].split()) for part in arguments.split(",") if part.strip()]
        declared[name] = (result.strip(), parts)
    compare("rust", declared, known, by_table(RUST))
    constants("rust", text)
    body = section(text, r"pub struct apm_endpoint \{", r"\n    \}")
    body = re.sub(r"\[(\w+); (\d+)\]", r"\1 \2", body)
    struct("rust", "apm_endpoint", fields_by(r"pub (\w+): (\w+)(?: (\d+))?,", body, {"i32": "int32_t", "u64": "uint64_t"},
                                             ("name", "type", "count")))


def check_csharp(known, text):
    declared = {}
    text = re.sub(r" *//[^\n]*", "", text)
    for head, result, name, arguments in re.findall(
            r"((?:\s*\[[^\n]*\n)+)\s*public static extern (\w+) (apm_\w+)\(([^)]*)\);", text):
        if "CallingConvention.Cdecl" not in head:
            complain(f"csharp: {name} is not declared as Cdecl")
        if "[return: MarshalAs(UnmanagedType.I1)]" in head:
            result = "I1 " + result
        declared[name] = (result, [" ".join(part.split()[:-1]) for part in arguments.split(",") if part.strip()])
    compare("csharp", declared, known, by_table(CSHARP))
    if text.count("static extern") != len(declared):
        complain("csharp: a declaration that could not be read")
    constants("csharp", text)
    body = section(text, r"unsafe struct apm_endpoint\s*\{", r"\n\}")
    struct("csharp", "apm_endpoint", fields_by(r"public (?:fixed )?(\w+) (\w+)(?:\[(\d+)\])?;", body,
                                               {"int": "int32_t", "ulong": "uint64_t"}, ("type", "name", "count")))


class Recorder:
    """A library whose functions only remember what they were declared as."""

    def __init__(self, *_):
        self.functions = {}

    def __getattr__(self, name):
        return self.functions.setdefault(name, type(name, (), {})())


def check_python(known, text):
    names = {"__name__": "sample"}
    original, ctypes.CDLL = ctypes.CDLL, Recorder
    try:
        exec(compile(text, "docs/foreign.md", "exec"), names)
    finally:
        ctypes.CDLL = original
    endpoint, callback = names["apm_endpoint"], names["apm_async_callback"]
    table = {
        None: "void", ctypes.c_int32: "int32_t|apm_error", ctypes.c_uint32: "uint32_t", ctypes.c_uint16: "uint16_t",
        ctypes.c_size_t: "size_t", ctypes.c_bool: "bool", ctypes.c_char_p: TEXT, ctypes.c_void_p: POINTER,
        callback: "apm_async_callback", ctypes.POINTER(ctypes.c_void_p): rf"({HANDLES}) \*\*",
        ctypes.POINTER(ctypes.c_size_t): r"size_t \*", ctypes.POINTER(endpoint): r"(const )?apm_endpoint \*",
    }
    declared = {name: (made.restype, list(made.argtypes)) for name, made in names["apm"].functions.items()}
    compare("python", declared, known, by_table(table))
    constants("python", text)
    used = set(re.findall(r"\bapm\.(apm_\w+)", text))
    if used - set(declared):
        complain(f"python: used and not declared: {sorted(used - set(declared))}")
    asserted.append(f'_Static_assert(sizeof(apm_endpoint) == {ctypes.sizeof(endpoint)}, "python: apm_endpoint");')
    for field, _ in endpoint._fields_:
        place = getattr(endpoint, field)
        asserted.append(f"_Static_assert(offsetof(apm_endpoint, {field}) == {place.offset} && "
                        f'sizeof(((apm_endpoint *)0)->{field}) == {place.size}, "python: apm_endpoint.{field}");')


def check_cxx(known):
    text = "".join(path.read_text() for path in sorted((ROOT / "include/apmsock").glob("*.hpp")))
    for name in known:
        if not re.search(rf"\b{name}\(", without_comments(text)):
            complain(f"C++: {name} is in no header of C++")
    print(f"C++: {len(known)} functions")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", required=True, action="append", help="a C compiler for Windows")
    options = parser.parse_args()

    headers = without_comments("".join(path.read_text() for path in sorted((ROOT / "include/apmsock").glob("*.h"))))
    known = c_functions(headers, "APM_API ")
    exports = set(re.findall(r"^    (apm_\w+) @\d+$", (ROOT / "win32/apmsock.def").read_text(), flags=re.M))
    if set(known) != exports:
        complain(f"read from the headers but not exported, or the other way round: {sorted(set(known) ^ exports)}")
    manual = (ROOT / "docs/foreign.md").read_text()
    check_cxx(known)
    check_rust(known)
    check_lua(known)
    check_node(known)
    check_csharp(known, section(manual, r"```csharp\n", r"```"))
    check_python(known, section(manual, r"```python\n", r"```"))
    source = "#include <apmsock/apmsock.h>\n#include <stddef.h>\n" + "\n".join(asserted) + "\n"
    for compiler in options.compiler:
        tried = subprocess.run([compiler, "-std=c11", "-fsyntax-only", f"-I{ROOT}/include", "-x", "c", "-"],
                               input=source, capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            complain(f"{compiler}:\n{tried.stderr}")
    print(f"{sum('_Static_assert' in line for line in asserted)} sizes, places and constants")
    for text in wrong:
        print("declarations: " + text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
