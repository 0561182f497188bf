# SPDX-License-Identifier: MIT
"""Makes the NuGet package, without NuGet: it is a zip with three files that describe it.

    pack.py VERSION DESCRIPTION X64.zip X86.zip FILE.nupkg

X64.zip and X86.zip are the packages of CPack, and what is packed comes from them.
"""
import os
import sys
from xml.sax.saxutils import escape

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import archive  # noqa: E402

CORE = "package/services/metadata/core-properties/apmsock.psmdcp"
TYPES = {
    "dll": "application/octet", "lib": "application/octet", "h": "application/octet",
    "hpp": "application/octet", "targets": "application/octet", "md": "application/octet",
    "nuspec": "application/octet",
    "rels": "application/vnd.openxmlformats-package.relationships+xml",
    "psmdcp": "application/vnd.openxmlformats-package.core-properties+xml",
}
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def describe(contents, version, description):
    """The three files that make a zip an Open Packaging container."""
    relation = '  <Relationship Type="%s" Target="/%s" Id="%s" />\n'
    contents["_rels/.rels"] = (
        HEAD + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">\n'
        + relation % ("http://schemas.microsoft.com/packaging/2010/07/manifest", "apmsock.nuspec", "R1")
        + relation % ("http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties", CORE,
                      "R2")
        + "</Relationships>\n").encode()
    contents[CORE] = (
        HEAD + '<coreProperties xmlns="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        "  <dc:creator>apmsock contributors</dc:creator>\n"
        f"  <dc:description>{escape(description)}</dc:description>\n"
        "  <dc:identifier>apmsock</dc:identifier>\n"
        f"  <version>{version}</version>\n</coreProperties>\n").encode()
    extensions = {name.rsplit(".", 1)[1] for name in contents if "." in name.rsplit("/", 1)[-1]}
    defaults = "".join(f'  <Default Extension="{e}" ContentType="{TYPES[e]}" />\n' for e in sorted(extensions))
    overrides = "".join(f'  <Override PartName="/{name}" ContentType="application/octet" />\n'
                        for name in sorted(contents) if "." not in name.rsplit("/", 1)[-1])
    contents["[Content_Types].xml"] = (
        HEAD + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">\n'
        + defaults + overrides + "</Types>\n").encode()


def main(version, description, x64, x86, target):
    here = os.path.dirname(os.path.abspath(__file__))
    contents = {}
    for path, runtime, platform in ((x64, "win-x64", "x64"), (x86, "win-x86", "Win32")):
        for name, data in archive.read(path).items():
            inside = name.split("/", 1)[1]
            if inside == "bin/apmsock.dll":
                contents[f"runtimes/{runtime}/native/apmsock.dll"] = data
            elif inside == "lib/apmsock.lib":
                contents[f"build/native/lib/{platform}/apmsock.lib"] = data
            elif inside.startswith("include/"):
                if contents.setdefault("build/native/" + inside, data) != data:
                    sys.exit(f"{inside} differs between x64 and x86")
            elif inside == "share/licenses/apmsock/LICENSE":
                contents["LICENSE"] = data
            elif inside == "share/doc/apmsock/README.md":
                contents["README.md"] = data
    with open(os.path.join(here, "apmsock.targets"), "rb") as file:
        contents["build/native/apmsock.targets"] = file.read()
    with open(os.path.join(here, "apmsock.nuspec.in"), encoding="utf-8") as file:
        contents["apmsock.nuspec"] = (file.read().replace("@VERSION@", version)
                                      .replace("@DESCRIPTION@", escape(description)).encode())
    describe(contents, version, description)
    archive.write(target, contents)


if __name__ == "__main__":
    main(*sys.argv[1:])
