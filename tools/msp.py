#!/usr/bin/env python3
"""Holds docs/msp.md to the sources: it names every path, every error code and every setting that it says stands behind a limit.
One line a fault; exit code 1 when there is one.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def routes():
    for method, path in re.findall(r'^ROUTE\((\w+), "([^"]+)", \w+, \w+, MSP,', read("src/api/routes.def"), re.M):
        yield method + " " + path.replace("*}", "}")


def codes():
    """The names on the wire of all failures."""
    return re.findall(r'^ +X\((?!OK)\w+, \d+, \d+, "(\w+)"', read("src/kit/status.h"), re.M)


def faults(text):
    settings = set(re.findall(r'^CONFIG\("([^"]+)"', read("src/aethercore/config.def"), re.M))
    for name in [*routes(), *codes()]:
        if f"`{name}`" not in text:
            yield f"{name} is missing"
    for name in re.findall(r"`((?:http|serve|queue|hub|models|server)\.\w+)`", text):
        if name not in settings:
            yield f"{name} is no setting"


def main():
    text = read("docs/msp.md")
    found = [f"docs/msp.md: {fault}" for fault in faults(text)]
    if found:
        sys.exit("\n".join(found))
    print(f"{len(list(routes()))} paths, {len(codes())} codes")


if __name__ == "__main__":
    main()
