#!/usr/bin/env python3
"""Random JSON Schemas, random texts of their grammars: each text that ends must be valid for Python's jsonschema, and what is
valid must be taken.

    check.py [GRAMMAR_TOOL] [--schemas N] [--seed N] [--large N]

Without GRAMMAR_TOOL that of build/release is built. The seed is new each run and printed; the last line is "N passed, N failed".
Exit code 1 when anything fails, 77 where jsonschema is not installed.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import time

try:
    import jsonschema
except ImportError:
    print("jsonschema is not installed")
    sys.exit(77)

PATTERNS = ["^[a-z]+$", "^[A-Z][a-z]{1,8}$", "^\\d{3}-\\d{4}$", "^(foo|bar|baz)+$", "ab", "^x", "y$", "^[^\\s@]{1,5}@[^\\s@]+$",
            "^\\w{2,5}(\\.\\w{2,5})*$", "^[\\u00e0-\\u00ff]{1,4}$", "^a?b*c+$", "^(a|b(c|d))e{2,3}$", "^.{2,6}$", "[0-9]$",
            "^\"q\\\\\"$", "^\\s\\S\\D\\W$", "^-?\\d+(\\.\\d+)?$", "^(?:[a-f0-9]{2}:){3}[a-f0-9]{2}$", "^[\\w.+-]+$", "\\n"]
FORMATS = ["date", "time", "date-time", "uuid", "email", "ipv4", "ipv6", "uri", "hostname"]
GOOD = {"date": ["2024-02-29", "1999-12-31", "2000-02-29"], "time": ["12:30:00Z", "23:59:59.125-08:00"],
        "date-time": ["2024-01-31T00:00:00+01:00", "2023-06-15T08:09:10.5Z"], "uuid": ["01234567-89ab-cdef-0123-456789abcdef"],
        "email": ["a@b.example", "first.last+tag@mail.example.org"], "ipv4": ["127.0.0.1", "255.255.255.255", "1.20.99.0"],
        "ipv6": ["::1", "::", "fe80::1:2", "1:2:3:4:5:6:7:8", "2001:db8::"], "hostname": ["a", "www.example.org"],
        "uri": ["https://example.org/a/b?c=d#e", "http://localhost:8080", "ftp://h/x%20y"]}
NAMES = ["name", "age", "kind", "x", "y", "items", "a b", "é", "q\"uote", "next", "tags", "value", "id", "size"]
WORDS = ["red", "green", "blue", "", "é", "a\"b", "line\nbreak", "\\", "日本", "😀", "tab\t"]


class Maker:
    """Schemas of the documented subset."""

    def __init__(self, rng):
        self.rng = rng
        self.defs = {}

    def string(self):
        rng = self.rng
        schema = {"type": "string"}
        kind = rng.randrange(6)
        if kind == 0:
            schema["pattern"] = rng.choice(PATTERNS)
            if rng.random() < 0.3:
                schema["maxLength"] = rng.randint(9, 30)
        elif kind == 1:
            schema["format"] = rng.choice(FORMATS)
        elif kind == 2:
            schema["minLength"] = rng.randint(0, 5)
            schema["maxLength"] = schema["minLength"] + rng.randint(0, 20)
        elif kind == 3:
            schema["minLength"] = rng.randint(1, 4)
        return schema

    def integer(self):
        rng = self.rng
        schema = {"type": "integer"}
        low = rng.choice([0, 1, -5, -1000, 10, 99, rng.randint(-10**6, 10**6), rng.randint(-10**15, 10**15)])
        if rng.random() < 0.6:
            schema[rng.choice(["minimum", "exclusiveMinimum"])] = low
        if rng.random() < 0.6:
            schema[rng.choice(["maximum", "exclusiveMaximum"])] = low + rng.choice([2, 9, 100, 12345, 10**9])
        if rng.random() < 0.2:
            schema["multipleOf"] = rng.choice([1, 2, 1 if "maximum" in schema or "exclusiveMaximum" in schema else 7])
        return schema

    def number(self):
        rng = self.rng
        schema = {"type": "number"}
        low = rng.choice([0, 0.5, -1.25, 3, -100, 0.001, 1e-7, round(rng.uniform(-1000, 1000), rng.randint(0, 6)), rng.random()])
        if rng.random() < 0.6:
            schema[rng.choice(["minimum", "exclusiveMinimum"])] = low
        if rng.random() < 0.6:
            schema[rng.choice(["maximum", "exclusiveMaximum"])] = low + rng.choice([0.5, 1, 100, 0.01, 12.75])
        if rng.random() < 0.15:
            schema = {"type": "number", "multipleOf": rng.choice([0.5, 0.25, 0.125, 2, 5])}
        return schema

    def array(self, depth):
        rng = self.rng
        schema = {"type": "array"}
        if rng.random() < 0.8:
            schema["items"] = self.schema(depth - 1)
        if rng.random() < 0.3:
            schema["prefixItems"] = [self.schema(depth - 1) for _ in range(rng.randint(1, 3))]
            if rng.random() < 0.5:
                schema["items"] = False
                return schema
        if rng.random() < 0.4:
            schema["minItems"] = rng.randint(0, 3)
        if rng.random() < 0.5:
            schema["maxItems"] = schema.get("minItems", 0) + rng.randint(0, 4)
        return schema

    def object(self, depth):
        rng = self.rng
        names = rng.sample(NAMES, rng.randint(0, 5))
        schema = {"type": "object", "properties": {name: self.schema(depth - 1) for name in names}}
        required = [name for name in names if rng.random() < 0.5]
        if required:
            schema["required"] = required
        kind = rng.randrange(7)
        if kind == 0:
            schema["additionalProperties"] = True
        elif kind == 1:
            schema["additionalProperties"] = self.schema(depth - 1)
        elif kind < 4:
            schema["additionalProperties"] = False
        elif kind == 4:
            schema["patternProperties"] = {"^p_": self.schema(depth - 1)}
            if rng.random() < 0.5:
                schema["additionalProperties"] = False
        if rng.random() < 0.15 and names:
            schema["minProperties"] = rng.randint(0, len(names))
        if rng.random() < 0.1:
            schema["maxProperties"] = max(len(required), schema.get("minProperties", 0), rng.randint(0, 5))
        return schema

    def one_of(self, depth):
        rng = self.rng
        if rng.random() < 0.5:
            kinds = rng.sample(["a", "b", "c", "d"], rng.randint(2, 4))
            branches = []
            for kind in kinds:
                branch = self.object(depth)
                branch["properties"] = {"kind": {"const": kind}, **branch["properties"]}
                branch["properties"]["kind"] = {"const": kind}
                branch["required"] = sorted({"kind", *branch.get("required", [])})
                branch.pop("minProperties", None)
                branch.pop("maxProperties", None)
                branches.append(branch)
            return {"oneOf": branches}
        branches = [self.string(), self.integer(), {"type": "null"}, {"type": "boolean"}, self.array(depth - 1)]
        return {"oneOf": rng.sample(branches, rng.randint(2, 4))}

    def all_of(self, depth):
        rng = self.rng
        if rng.random() < 0.5:
            return {"allOf": [{"type": "integer", "minimum": rng.randint(-50, 0)}, {"maximum": rng.randint(1, 500)}]}
        one, two = self.object(depth - 1), self.object(depth - 1)
        for part in (one, two):
            for word in ("additionalProperties", "patternProperties", "minProperties", "maxProperties"):
                part.pop(word, None)
        for name in set(one["properties"]) & set(two["properties"]):
            two["properties"][name] = True
        return {"allOf": [one, two]}

    def reference(self, depth):
        name = f"d{self.rng.randrange(3)}"
        if name not in self.defs:
            self.defs[name] = None  # it may refer to itself
            inner = self.schema(depth - 1)
            self.defs[name] = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]},
                                                                 "data": inner}, "required": ["next"]}
        return {"$ref": f"#/$defs/{name}"}

    def schema(self, depth):
        rng = self.rng
        simple = [self.string, self.integer, self.number, lambda: {"type": "boolean"}, lambda: {"type": "null"},
                  lambda: {"enum": rng.sample(WORDS + [1, 2.5, None, True, [1, "a"], {"k": []}], rng.randint(1, 4))},
                  lambda: {"const": rng.choice(WORDS + [0, -1, 2.75, False])},
                  lambda: {"type": rng.sample(["string", "integer", "null", "boolean"], 2)}]
        if depth <= 0 or rng.random() < 0.25:
            return rng.choice(simple)()
        nested = [lambda: self.array(depth), lambda: self.object(depth), lambda: self.object(depth), lambda: self.reference(depth),
                  lambda: {"anyOf": [self.schema(depth - 1) for _ in range(rng.randint(2, 3))]}, lambda: self.one_of(depth),
                  lambda: self.all_of(depth), lambda: True,
                  lambda: {"not": {"type": rng.choice(["string", "object", "array"])}}]
        return rng.choice(nested)()

    def document(self):
        schema = self.schema(self.rng.randint(1, 4))
        if schema is True or schema is False:
            schema = {}
        if self.defs:
            schema = {**schema, "$defs": self.defs}
        return schema


class Instances:
    """Values for a schema, mostly valid ones; jsonschema has the last word. Members in the order of the schema."""

    def __init__(self, rng, document):
        self.rng, self.document = rng, document

    def value(self, schema, depth=0):
        rng = self.rng
        if schema is True or schema == {}:
            return rng.choice([None, 1, "x", [1], {"k": "v"}, 2.5])
        if "$ref" in schema:
            return self.value(self.document["$defs"][schema["$ref"].rsplit("/", 1)[1]], depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self.value(schema[word][-1] if depth > 6 else rng.choice(schema[word]), depth + 1)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type")
        kind = rng.choice(kind) if isinstance(kind, list) else kind
        make = getattr(self, f"make_{kind}", None)
        return make(schema, depth) if make else None

    def make_string(self, schema, _):
        if "format" in schema:
            return self.rng.choice(GOOD[schema["format"]])
        if "pattern" in schema:
            return self.rng.choice(["abc", "foo", "2024-02-29", "12:30:00Z", "127.0.0.1", "xyz", "bce", "::1", "a@b.example",
                                    "00000000-0000-0000-0000-000000000000", "1.5", "2024-01-31T00:00:00+01:00"])
        low = schema.get("minLength", 0)
        count = self.rng.randint(low, schema.get("maxLength", low + 8))
        return "".join(self.rng.choice("abc \"\\\n/é日😀\u0001\x7f") for _ in range(count))

    def make_integer(self, schema, _):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -10**6))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 10**6))
        return self.rng.randint(min(low, high), max(low, high))

    def make_number(self, schema, _):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1000))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 1000))
        value = round(self.rng.uniform(low, high), self.rng.randint(1, 5))
        return value if "e" not in repr(value) else round(value)

    def make_boolean(self, *_):
        return self.rng.random() < 0.5

    def make_null(self, *_):
        return None

    def make_array(self, schema, depth):
        prefix = schema.get("prefixItems", [])
        low = schema.get("minItems", 0)
        count = self.rng.randint(low, schema.get("maxItems", low + 3))
        items = schema.get("items", True)
        if items is False:
            count = min(count, len(prefix))
        return [self.value(prefix[i] if i < len(prefix) else items, depth + 1) for i in range(count)]

    def make_object(self, schema, depth):
        required = schema.get("required", [])
        value = {}
        for name, inner in schema.get("properties", {}).items():
            if name in required or self.rng.random() < (0.6 if depth < 5 else 0.1):
                value[name] = self.value(inner, depth + 1)
        extra = schema.get("additionalProperties", False)
        if extra is not False and self.rng.random() < 0.5:
            value["zz"] = self.value(extra, depth + 1)
        return value


def closed(schema, here=True):
    """The schema as we write it: an object that names members has no others, unless it speaks of them."""
    if isinstance(schema, list):
        return [closed(item, here) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for word, value in schema.items():
        if word in ("properties", "$defs", "patternProperties"):
            out[word] = {name: closed(inner) for name, inner in value.items()}
        elif word in ("anyOf", "oneOf", "prefixItems"):
            out[word] = closed(value, True)
        elif word == "allOf":
            out[word] = closed(value, False)
        elif word in ("items", "additionalProperties"):
            out[word] = closed(value)
        else:
            out[word] = value
    if here and out.get("properties") and not {"additionalProperties", "patternProperties"} & set(out):
        out["additionalProperties"] = False
    if "allOf" in out and any("properties" in part for part in out["allOf"]):
        out["unevaluatedProperties"] = False
    return out


UNSATISFIABLE = [
    ({"type": "string", "minLength": 3, "maxLength": 2}, "''"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "''"),
    ({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, "''"),
    ({"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 6}, "''"),
    ({"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]}, "'/properties/a'"),
    ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "''"),
    ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "''"),
    ({"type": "string", "pattern": "^a$", "minLength": 2}, "''"),
    ({"type": "array", "minItems": 2, "maxItems": 1}, "''"),
    ({"type": "array", "items": {"not": {}}, "minItems": 1}, "'/items"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"n": {"$ref": "#/$defs/a"}}, "required": ["n"]}}}, ""),
    ({"const": 1, "type": "string"}, "''"),
    ({"enum": ["a", "bb"], "minLength": 3}, "''"),
    (False, "''"),
    ({"type": "object", "required": ["a"], "additionalProperties": False}, "''"),
    ({"type": "object", "minProperties": 3, "properties": {"a": {}}, "additionalProperties": False}, ""),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "''"),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, "''"),
    ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "''"),
    ({"type": "string", "pattern": "(?=a)b"}, "''"),
    ({"type": "number", "multipleOf": 0.01}, "''"),
    ({"if": {"type": "string"}, "then": {"minLength": 2}}, "''"),
    ({"$ref": "#"}, "''"),
    ({"anyOf": [{"$ref": "#"}, {"type": "string"}]}, "''"),
]


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the tool has ended on {json.dumps(request)[:2000]}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        return self.process.wait(timeout=30)


class Check:
    def __init__(self, tool):
        self.tool = tool
        self.failures = self.texts = self.instances = self.refused = 0

    def fail(self, what, schema, more=""):
        self.failures += 1
        if self.failures <= 10:
            print(f"FAILED: {what}: {json.dumps(schema, ensure_ascii=False)[:1500]} {more}")

    def text(self, schema, validator, text):
        self.texts += 1
        try:
            value = json.loads(text)
        except ValueError as error:
            return self.fail(f"no JSON ({error})", schema, repr(text))
        error = next(validator.iter_errors(value), None)
        if error is not None:
            self.fail(f"not valid ({error.message[:200]})", schema, repr(text))
        return None

    def schema(self, rng, number, vocab, large):
        schema = Maker(rng).document()
        validator = jsonschema.Draft202012Validator(schema)
        ours = jsonschema.Draft202012Validator(closed(schema))
        instances = []
        for _ in range(6):
            value = Instances(rng, schema).value(schema)
            if validator.is_valid(value) and ours.is_valid(value):
                instances.append(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        answer = self.tool.ask(schema=schema, seed=number, walks=2 if large else 4, vocab=vocab, accept=instances,
                               spaces=rng.randrange(3) if not instances else 0)
        if "error" in answer:
            self.refused += 1
            if instances:
                self.fail(f"refused ({answer['error']})", schema)
            return
        for text in answer["texts"]:
            self.text(schema, validator, text)
        if answer["stuck"] or answer["wrong"]:
            self.fail(f"{answer['stuck']} walks without an end, {answer['wrong']} wrong masks", schema)
        for text, accepted in zip(instances, answer["accepted"]):
            self.instances += 1
            if not accepted:
                self.fail("a valid text is not taken", schema, text)

    def unsatisfiable(self):
        for schema, place in UNSATISFIABLE:
            answer = self.tool.ask(schema=schema, walks=1)
            if answer.get("status") != "unprocessable" or place not in answer["error"]:
                self.fail(f"must be refused at {place}, but {answer}", schema)


def built_tool():
    root = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, root / "tools/build.py", "release", "grammar_tool"], check=True)
    return root / "build/release/tests/grammar/grammar_tool"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", nargs="?")
    parser.add_argument("--schemas", type=int, default=250)
    parser.add_argument("--seed", type=int, default=int(time.time() * 1000) % 10**9)
    parser.add_argument("--large", type=int, default=20, help="schemas that are walked over 262,144 tokens")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    rng = random.Random(args.seed)
    check = Check(Tool(args.tool or built_tool()))
    check.unsatisfiable()
    for number in range(args.schemas):
        large = number < args.large
        check.schema(rng, number + 1, "large" if large else "small", large)
    if check.tool.close() != 0:
        check.fail("the tool's exit code", {})
    print(f"{args.schemas} schemas ({check.refused} refused), {check.texts} texts, {check.instances} instances")
    print(f"{check.texts + check.instances + len(UNSATISFIABLE) - check.failures} passed, {check.failures} failed")
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
