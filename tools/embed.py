#!/usr/bin/env python3
"""Turns web/ and proto/openapi.yaml into one C file: what the server hands to browsers lies in the program itself.

    embed.py VERSION OUT.c        (called by the build, which knows what to do again after a change)

Each file of FILES becomes a row of the table that src/api/files.h declares: its bytes, the same compressed with gzip, and
a strong entity tag made of the content. The page at / must stay small: embed.py fails when PAGE is over its limit.
"""
import gzip
import hashlib
import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
SPEC = ROOT / "proto" / "openapi.yaml"
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".json": "application/json"}
FILES = ["page.html", "page.css", "page.js", "common.js", "docs.html", "docs.css", "docs.js"]
PAGE = ["page.html", "page.css", "page.js", "common.js"]
PAGE_BYTES_MAX = 30_000
BYTES_A_LINE = 24


def spec_json(version):
    """The description of the interface as the program serves it: compact, with the program's own version."""
    spec = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    spec["info"]["version"] = version
    return json.dumps(spec, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def c_bytes(name, data):
    lines = (",".join(str(byte) for byte in data[at:at + BYTES_A_LINE]) for at in range(0, len(data), BYTES_A_LINE))
    return f"static const unsigned char {name}[] = {{\n" + ",\n".join(lines) + "};\n"


def c_row(name, symbol, data):
    tag = hashlib.sha256(data).hexdigest()[:20]
    suffix = pathlib.PurePath(name).suffix
    part = "true" if suffix in (".css", ".js") else "false"
    return (f'    {{.name = "{name}", .is_part = {part}, .type = "{TYPES[suffix]}",\n'
            f'     .bytes = {{(const char *){symbol}, sizeof({symbol})}}, .etag = "\\"{tag}\\"",\n'
            f'     .gzip = {{(const char *){symbol}_gz, sizeof({symbol}_gz)}}, .gzip_etag = "\\"{tag}-gz\\""}},\n')


def main(version, out):
    contents = {name: (ROOT / "web" / name).read_bytes() for name in FILES}
    page_bytes = sum(len(contents[name]) for name in PAGE)
    if page_bytes > PAGE_BYTES_MAX:
        sys.exit(f"embed: {', '.join(PAGE)} are {page_bytes} bytes together, more than {PAGE_BYTES_MAX}")
    contents["openapi.json"] = spec_json(version)
    text, rows = '/* Made by tools/embed.py. */\n#include "api/files.h"\n\n', ""
    for index, (name, data) in enumerate(contents.items()):
        symbol = f"file_{index}"
        text += c_bytes(symbol, data) + c_bytes(f"{symbol}_gz", gzip.compress(data, 9, mtime=0))
        rows += c_row(name, symbol, data)
    text += f"\nconst struct api_file api_files[] = {{\n{rows}}};\nconst size_t api_file_count = {len(contents)};\n"
    pathlib.Path(out).write_text(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
