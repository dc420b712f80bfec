#!/usr/bin/env python3
"""Holds proto/openapi.yaml to the sources. One line a fault; exit code 1 when there is one.

Paths and methods are those of src/api/routes.def ("{id*}" there is "{id}" here); those that are OPEN there, and no others,
say "security: []" and no 401. Beside "x-setting: KEY" stands the default of that setting in src/aethercore/config.def;
beside "x-enum: FILE MACRO" the names of that table, and beside "x-members: FILE TABLE" its rows. Every $ref leads somewhere
and every component is used. Words are
those of OpenAPI 3.1 and JSON Schema: a comma in an unquoted YAML text makes a new word of its rest, silently.
The tasks that web/page.js has forms for are those of src/task/kind.h but for FORMLESS.
"""
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
FORMLESS = {"tokenize", "detokenize"}  # for programs; the page has a size to keep
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
SCHEMA_WORDS = set("""$ref type enum const description title default examples format minimum maximum minLength maxLength minProperties maxProperties
    pattern items prefixItems minItems maxItems properties required additionalProperties anyOf oneOf allOf x-setting
    x-enum x-members discriminator""".split())
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "": 1}


def routes():
    """{(method, path): OPEN or KEY} of routes.def."""
    text = (ROOT / "src/api/routes.def").read_text()
    found = re.findall(r'^ROUTE\((\w+), "([^"]+)", (\w+)', text, re.M)
    return {(method.lower(), re.sub(r"\{(\w+)\*\}", r"{\1}", path)): access for method, path, access in found}


def settings():
    """{key: default as a number} of config.def, where it is one."""
    text = (ROOT / "src/aethercore/config.def").read_text()
    found = {}
    for key, value in re.findall(r'^CONFIG\("([^"]+)", \w+, "([^"]*)"', text, re.M):
        number = re.fullmatch(r"(\d+)([A-Za-z]*)", value)
        if number and number[2] in UNITS:
            found[key] = int(number[1]) * UNITS[number[2]]
    return found


def names_of_macro(file, macro):
    """The first text of each row of an X macro: {"ready", …}."""
    text = (ROOT / file).read_text()
    body = re.search(rf"#define {macro}\(X\)((?:.*\\\n)*.*)", text)
    return set(re.findall(r'\bX\([^"()]*"([^"]*)"', body[1])) if body else set()


def names_of_table(file, table):
    """The first text of each row of an array: {{"truncate", …}, …} gives {"truncate", …}."""
    body = re.search(rf"\b{table}\[\] = \{{\n(.*?)\n\}};", (ROOT / file).read_text(), re.S)
    return set(re.findall(r'^\s*\{"([^"]+)"', body[1], re.M)) if body else set()


def walk(node, path=""):
    """Yields (path, node) for each object of a document."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{path}/{index}")


def resolve(spec, ref):
    node = spec
    for part in ref.removeprefix("#/").split("/"):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def schemas(spec):
    """Yields (path, schema) for each JSON Schema in the document, nested ones too."""
    def inner(path, schema):
        if not isinstance(schema, dict):
            return
        yield path, schema
        for word in ("items", "additionalProperties"):
            yield from inner(f"{path}/{word}", schema.get(word))
        for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for index, one in enumerate(schema.get(word, [])):
                yield from inner(f"{path}/{word}/{index}", one)
        for name, one in schema.get("properties", {}).items():
            yield from inner(f"{path}/properties/{name}", one)

    for path, node in walk(spec):
        if path == "/components/schemas":
            for name, schema in node.items():
                yield from inner(f"{path}/{name}", schema)
        elif "schema" in node and "/schemas/" not in path:
            yield from inner(f"{path}/schema", node["schema"])


def faults_of_paths(spec):
    described = {(method, path) for path, item in spec["paths"].items() for method in item if method in METHODS}
    for method, path in sorted(set(routes()) - described):
        yield f"{method.upper()} {path} is in src/api/routes.def, but not described here"
    for method, path in sorted(described - set(routes())):
        yield f"{method.upper()} {path} is described, but not in src/api/routes.def"
    for (method, path), access in routes().items():
        operation = spec["paths"].get(path, {}).get(method, {})
        if (operation.get("security") == []) != (access == "OPEN") or ("401" in operation.get("responses", {})) != (access == "KEY"):
            yield f"{method.upper()} {path}: {access} in src/api/routes.def, but 'security' or 401 say otherwise here"


def faults_of_operations(spec):
    seen = set()
    for path, item in spec["paths"].items():
        for method in METHODS & set(item):
            operation, name = item[method], f"{method.upper()} {path}"
            for field in ("operationId", "summary", "tags", "responses"):
                if field not in operation:
                    yield f"{name}: '{field}' is missing"
            if operation.get("operationId") in seen:
                yield f"{name}: its operationId is taken"
            seen.add(operation.get("operationId"))
            if "default" not in operation.get("responses", {}):
                yield f"{name}: no default response"


def faults_of_refs(spec):
    used = set()
    for path, node in walk(spec):
        ref = node.get("$ref")
        if isinstance(ref, str):
            used.add(ref)
            if resolve(spec, ref) is None:
                yield f"{path}: {ref} leads nowhere"
    for kind, items in spec["components"].items():
        for name in items:
            if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used:
                yield f"/components/{kind}/{name}: nobody uses it"


def faults_of_schemas(spec):
    known = settings()
    for path, schema in schemas(spec):
        for word in sorted(set(schema) - SCHEMA_WORDS):
            yield f"{path}: '{word}' is no word of a schema"
        setting = schema.get("x-setting")
        limit = next((schema[word] for word in ("maxItems", "maximum", "maxLength") if word in schema), None)
        if setting and known.get(setting) != limit:
            yield f"{path}: says {limit}, but the default of {setting} is {known.get(setting)}"


def faults_of_tables(spec):
    for path, schema in schemas(spec):
        for word, said, read in (("x-enum", schema.get("enum", []), names_of_macro),
                                 ("x-members", schema.get("properties", {}), names_of_table)):
            if word in schema:
                there = read(*schema[word].split()) - {"", "ok"}
                for name in sorted(there - set(said)):
                    yield f"{path}: '{name}' of {schema[word]} is missing"
                for name in sorted(set(said) - there):
                    yield f"{path}: '{name}' is not in {schema[word]}"


def faults_of_page():
    """The page has a form for each task that people try, and for no other."""
    table = re.search(r"^const TASKS = \{\n(.*?)^\};", (ROOT / "web/page.js").read_text(encoding="utf-8"), re.M | re.S)
    there, forms = names_of_macro("src/task/kind.h", "TASK_NAMED"), set(re.findall(r"^  '?([\w-]+)'?: \{fields", table[1], re.M))
    return [f"web/page.js: TASKS and TASK_NAMED in src/task/kind.h differ in '{name}'" for name in sorted((there - FORMLESS) ^ forms)]


def main():
    spec = yaml.safe_load((ROOT / "proto/openapi.yaml").read_text(encoding="utf-8"))
    faults = [fault for check in (faults_of_paths, faults_of_operations, faults_of_refs, faults_of_schemas,
                               faults_of_tables)
              for fault in check(spec)]
    faults = [f"proto/openapi.yaml: {fault}" for fault in faults] + faults_of_page()
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(1)
    print(f"{len(spec['paths'])} paths, {len(spec['components']['schemas'])} schemas")


if __name__ == "__main__":
    main()
