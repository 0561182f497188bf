# SPDX-License-Identifier: MIT
"""The binary interface: what the headers and the export list say, and what was recorded of them.

    abi.py                      compares the two; then each compiler checks the record
    abi.py --record [--break]   writes the record: what is new, or with --break whatever differs
    abi.py --dll FILE...        what these DLLs really export

The record is test/abi/apmsock.abi, one fact a line, `name: value`. Sizes and offsets stand there for
64 and for 32 bits. Nothing is run: what is asked of Clang is the value of enumerators.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
RECORD = os.path.join(ROOT, "test", "abi", "apmsock.abi")
TARGETS = {"64": "x86_64-w64-mingw32", "32": "i686-w64-mingw32"}
HEAD = """# SPDX-License-Identifier: MIT
# The binary interface that programs were built with. Written by ci/abi --record; see docs/install.md.
"""
HELP = """\
If it is on purpose, record it with
    ci/abi --record
and commit test/abi/apmsock.abi. A function gets the next free ordinal in win32/apmsock.def; a field goes to
the end of a struct that begins with its size; an enumerator gets a value that was free."""
HELP_BROKEN = """\
Programs that are built already would break: put it back, and add something new beside it instead. Only where the
major version changes (before 1.0: the minor one), record it with
    ci/abi --record --break
and say so in CHANGELOG.md."""


def run(command, text=None):
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"abi: {' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def clang(bits, *arguments):
    return ["clang", f"--target={TARGETS[bits]}", "-std=c11", "-Iinclude", "-x", "c", *arguments, "-"]


def tree(bits, text):
    return json.loads(run(clang(bits, "-fsyntax-only", "-Xclang", "-ast-dump=json"), text))["inner"]


def ours(declaration):
    return declaration.get("name", "").startswith(("apm_", "APM_"))


def value_of(constant):
    """The value of an enumerator, where one is written."""
    for inner in constant.get("inner", []):
        if "value" in inner:
            return int(inner["value"])
    return None


def fields_of(structs, name):
    return [f["name"] for f in structs[name]["inner"] if f["kind"] == "FieldDecl"]


def ask(bits, expressions):
    """The values of constant expressions."""
    lines = "".join(f"enum {{ probe_{i} = (int)({e}) }};\n" for i, e in enumerate(expressions))
    answers = {}
    for declaration in tree(bits, "#include <apmsock/apmsock.h>\n" + lines):
        if declaration["kind"] == "EnumDecl":
            for constant in declaration.get("inner", []):
                if constant.get("name", "").startswith("probe_"):
                    answers[int(constant["name"][6:])] = value_of(constant)
    return [answers[i] for i in range(len(expressions))]


def ordinals():
    """The export list: ordinals by name."""
    with open(os.path.join(ROOT, "win32", "apmsock.def"), encoding="utf-8") as file:
        lines = file.read().split("EXPORTS\n", 1)[1].splitlines()
    found = {}
    for line in lines:
        match = re.fullmatch(r"    (apm_[a-z0-9_]+) @([1-9][0-9]*)", line)
        if match is None:
            sys.exit(f"abi: win32/apmsock.def: this line is not `    name @ordinal`: {line}")
        name, number = match.group(1), int(match.group(2))
        if name in found or number in found.values():
            sys.exit(f"abi: win32/apmsock.def: twice: {line.strip()}; the next free ordinal is "
                     f"{max(found.values()) + 1} or higher")
        found[name] = number
    return found


def macros():
    """The constants that are macros; those of compilers and of include guards are no part of it."""
    left_out = ("APM_API", "APM_CALL", "APM_BEGIN_DECLARATIONS", "APM_END_DECLARATIONS", "APM_VERSION")
    text = run(clang("64", "-dM", "-E"), "#include <apmsock/apmsock.h>\n")
    for name, value in re.findall(r"^#define (APM_\w+(?:\([^)]*\))?) (.+)$", text, re.M):
        if name not in left_out:
            yield name, value


def plain(kind):
    """A type without the usual calling convention. Another one shows: types are those of 32 bits."""
    # Clang spells one type in two ways, by whether it has warned of something.
    return re.sub(r"\bbool\b", "_Bool", re.sub(r"\s*__attribute__\(\(cdecl\)\)", "", kind))


def collect():
    """Every fact: value by name."""
    facts, structs, constants = {}, {}, []
    functions = {}
    for declaration in tree("32", "#include <apmsock/apmsock.h>\n"):
        if declaration["kind"] == "FunctionDecl" and ours(declaration):
            functions[declaration["name"]] = plain(declaration["type"]["qualType"])
        elif declaration["kind"] == "TypedefDecl" and ours(declaration):
            facts["type " + declaration["name"]] = plain(declaration["type"]["qualType"])
        elif declaration["kind"] == "RecordDecl" and declaration.get("completeDefinition"):
            if ours(declaration):
                structs[declaration["name"]] = declaration
        elif declaration["kind"] == "EnumDecl":
            constants += [c["name"] for c in declaration["inner"] if c["kind"] == "EnumConstantDecl" and ours(c)]
    for name, number in ordinals().items():
        facts["export " + name] = f"@{number}"
    for name, kind in functions.items():
        facts["function " + name] = kind
    for name, value in macros():
        facts["macro " + name] = value
    for name, value in zip(constants, ask("64", constants)):
        facts["enumerator " + name] = str(value)
    names, expressions = [], []
    for struct, declaration in structs.items():
        names.append("struct " + struct)
        expressions += [f"sizeof(struct {struct})", f"_Alignof(struct {struct})"]
        for field in declaration["inner"]:
            if field["kind"] == "FieldDecl":
                facts[f"field {struct}.{field['name']}"] = plain(field["type"]["qualType"])
                names.append(f"place {struct}.{field['name']}")
                expressions += [f"__builtin_offsetof(struct {struct}, {field['name']})",
                                f"sizeof(((struct {struct} *)0)->{field['name']})"]
    answers = {bits: ask(bits, expressions) for bits in TARGETS}
    for i, name in enumerate(names):
        words = ("size", "align") if name.startswith("struct ") else ("offset", "size")
        facts[name] = ", ".join(f"{bits} bits: {words[0]} {answers[bits][2 * i]} {words[1]} {answers[bits][2 * i + 1]}"
                                for bits in TARGETS)
    if not functions or not structs or not constants:
        sys.exit("abi: the headers declare nothing")
    return facts


def recorded():
    with open(RECORD, encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if line and not line.startswith("#")]
    return dict(line.split(": ", 1) for line in lines)


def pairs(text):
    """Of a place or struct: the two numbers for each size of a pointer."""
    return [(int(a), int(b)) for a, b in re.findall(r"bits: \w+ (\d+) \w+ (\d+)", text)]


def grown(name, before, after):
    """Whether a struct that says its own size has only got longer: its fields have facts of their own."""
    struct = name[len("struct "):]
    old, new = pairs(before[name]), pairs(after[name])
    return (name.startswith("struct ") and after.get(f"field {struct}.size") == "size_t"
            and after.get(f"place {struct}.size", "").startswith("64 bits: offset 0 ")
            and all(b[0] > a[0] and b[1] == a[1] for a, b in zip(old, new)))


def hidden(name, before, after):
    """Whether a new field lies where older programs have padding: the struct's size tells nobody of it."""
    struct = "struct " + name.split(" ", 1)[1].split(".")[0]
    return (name.startswith("place ") and struct in before
            and any(offset < size for (offset, _), (size, _) in zip(pairs(after[name]), pairs(before[struct]))))


def compare(before, after):
    """The facts that are new, and those that are gone or different, as lines."""
    added = [name for name in after if name not in before]
    new = [f"new: {name}: {after[name]}" for name in added if not hidden(name, before, after)]
    broken = [f"in what was padding: {name}: {after[name]}" for name in added if hidden(name, before, after)]
    broken += [f"gone: {name}: {before[name]}" for name in before if name not in after]
    for name in before:
        if name in after and before[name] != after[name]:
            line = f"{name}\n    was {before[name]}\n    is  {after[name]}"
            if grown(name, before, after):
                new.append("longer: " + line)
            else:
                broken.append("different: " + line)
    return new, broken


def check_compilers(facts):
    """Each compiler that builds the library gives the recorded sizes and values."""
    lines = {bits: ["#include <apmsock/apmsock.h>"] for bits in TARGETS}
    for name, value in facts.items():
        kind, what = name.split(" ", 1)
        if kind == "enumerator":
            checks = {bits: [f"{what} == {value}"] for bits in TARGETS}
        elif kind in ("struct", "place"):
            checks = {}
            for bits, first, second in re.findall(r"(\d+) bits: \w+ (\d+) \w+ (\d+)", value):
                if kind == "struct":
                    checks[bits] = [f"sizeof({what}) == {first}", f"_Alignof({what}) == {second}"]
                else:
                    struct, field = what.split(".")
                    checks[bits] = [f"offsetof({struct}, {field}) == {first}",
                                    f"sizeof((({struct} *)0)->{field}) == {second}"]
        else:
            continue
        for bits, expressions in checks.items():
            lines[bits] += [f'_Static_assert({e}, "{name}");' for e in expressions]
    for bits, target in TARGETS.items():
        for compiler in (["clang", f"--target={target}"], [f"{target}-gcc-win32"]):
            run([*compiler, "-std=c11", "-Iinclude", "-x", "c", "-fsyntax-only", "-"], "\n".join(lines[bits]) + "\n")
    return sum(len(each) - 1 for each in lines.values())


def check_dll(path, facts):
    """The exports of a DLL are those of the record, by name and by ordinal, and no more."""
    text = run(["llvm-readobj", "--coff-exports", path])
    # An ordinal that lld leaves unused has neither a name nor a place.
    found = {f"export {name}": f"@{number}"
             for number, name, place in re.findall(r"Ordinal: (\d+)\s+Name: ?(\S*)\s+RVA: 0x([0-9A-F]+)", text)
             if name or int(place, 16) != 0}
    expected = {name: value for name, value in facts.items() if name.startswith("export ")}
    return [line for part in compare(expected, found) for line in part]


def main(arguments):
    if arguments[:1] == ["--dll"] and len(arguments) > 1:
        wrong = [f"{path}: {line}" for path in arguments[1:] for line in check_dll(path, recorded())]
        if wrong:
            sys.exit("abi: not the recorded exports\n" + "\n".join(wrong))
        return
    if arguments not in ([], ["--record"], ["--record", "--break"]):
        sys.exit(__doc__)
    after = collect()
    before = recorded() if os.path.exists(RECORD) else {}
    new, broken = compare(before, after)
    if broken and "--break" not in arguments:
        sys.exit("abi: the interface is not the recorded one\n" + "\n".join(broken) + "\n" + HELP_BROKEN)
    if arguments:
        with open(RECORD, "w", encoding="utf-8", newline="\n") as file:
            file.write(HEAD + "".join(f"{name}: {after[name]}\n" for name in sorted(after)))
        print("\n".join(new + broken) or "abi: nothing was to be recorded")
    elif new:
        sys.exit("abi: the interface has more than is recorded\n" + "\n".join(new) + "\n" + HELP)
    count = check_compilers(after)
    print(f"abi: {len(after)} facts, {count} of them checked by each compiler")


if __name__ == "__main__":
    main(sys.argv[1:])
