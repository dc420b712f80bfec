#!/usr/bin/env python3
"""Holds proto/openapi.yaml to a running server: its examples are true, and what schemathesis thinks up is answered as the
description says, without a 5xx. The last line is "N passed, N failed"."""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest
import urllib.parse

from server import Hub, ROOT, Server
from spec import check, follow

HERE = pathlib.Path(__file__).resolve().parent
TINY = ROOT / "tests/data/tiny-bert"
MINILM = ROOT / "build/models/all-MiniLM-L6-v2"
KEY = "a-key-of-this-test-0123456789"
# What the examples name.
REPOSITORIES = {"sentence-transformers/all-MiniLM-L6-v2": TINY, "org/name": TINY, "org/name@v1.0": TINY}
NO_AUTOPULL = ("--set", "hub.autopull=off")  # a load of what is nowhere is 404
METHODS = {"get", "post", "put", "patch", "delete"}


def operations(spec):
    for path, item in spec["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method], [follow(spec, p) for p in item.get("parameters", [])]


def media_of(spec, node):
    """Yields (media type, its object) of a body or an answer."""
    yield from follow(spec, node).get("content", {}).items()


def examples_of(media):
    """[(name, value)]"""
    named = [(name, one["value"]) for name, one in media.get("examples", {}).items()]
    return named + ([("example", media["example"])] if "example" in media else [])


# What they ask for has an id that nobody knows before it is made: tests/clients/responses_test.py does.
MADE = {"openaiResponse", "openaiResponseItems"}


class Description(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = Hub(REPOSITORIES).__enter__()
        cls.server = Server({"all-MiniLM-L6-v2": MINILM, "org/echo": {}}, *NO_AUTOPULL, env=cls.hub.env).__enter__()
        cls.spec = cls.server.call("GET", "/openapi.json")[2]
        cls.server.call("POST", "/models/all-MiniLM-L6-v2/load?wait=true")  # of which GET /info tells

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.hub.__exit__()

    def test_the_examples_of_answers_fit_their_schemas(self):
        for path, method, operation, _ in operations(self.spec):
            for status, answer in operation["responses"].items():
                for media_type, media in media_of(self.spec, answer):
                    for name, value in examples_of(media) if media_type == "application/json" else []:
                        with self.subTest(f"{method} {path} {status} {name}"):
                            check(self.spec, media["schema"], value)

    def test_the_examples_of_questions_are_answered_as_described(self):
        asked = 0
        for path, method, operation, _ in operations(self.spec):
            for _, media in media_of(self.spec, operation.get("requestBody", {})):
                for name, value in examples_of(media):
                    asked += 1
                    with self.subTest(f"{method} {path} {name}"):
                        check(self.spec, media["schema"], value)
                        status, _, answer = self.server.call(method.upper(), path, value)
                        self.assertIn(status, (200, 202), answer)
                        check(self.spec, operation["responses"][str(status)]["content"]["application/json"]["schema"], answer)
        self.assertGreater(asked, 2)

    def test_each_get_answers_as_described_to_the_examples_of_its_parameters(self):
        for path, method, operation, shared in operations(self.spec):
            good = follow(self.spec, operation["responses"].get("200", {}))
            if method != "get" or operation["operationId"] in MADE or "x-frames" in operation or "text/event-stream" in good["content"]:
                continue
            for parameter in shared + [follow(self.spec, p) for p in operation.get("parameters", [])]:
                if not parameter.get("required"):
                    continue
                schema = follow(self.spec, parameter["schema"])
                value = parameter.get("example") or (schema.get("examples") or schema.get("enum"))[0]
                path = path.replace("{%s}" % parameter["name"], urllib.parse.quote(str(value), safe=""))
            for media_type, media in media_of(self.spec, good):
                with self.subTest(f"{path} {media_type}"):
                    wanted = "text/plain" if media_type == "text/plain" else media_type
                    status, headers, answer = self.server.call(method.upper(), path, headers={"Accept": wanted})
                    self.assertEqual(status, 200)
                    if headers.get_content_type() == media_type:
                        check(self.spec, media["schema"], answer)

    def test_every_problem_has_the_shape_that_is_described(self):
        for method, path, body, status in (("GET", "/models/nobody", None, 404), ("POST", "/serve", {}, 400), ("GET", "/nowhere", None, 404),
                                           ("POST", "/models/nobody/load", None, 404), ("PUT", "/serve", {}, 405),
                                           ("POST", "/models/org%2Fecho/load?wait=perhaps", None, 400)):
            with self.subTest(path):
                got, headers, answer = self.server.call(method, path, body)
                self.assertEqual(got, status)
                check(self.spec, {"$ref": "#/components/schemas/Error"}, answer)
                self.assertEqual(headers["X-Request-Id"], answer["error"]["request_id"])


class Thought(unittest.TestCase):
    """What schemathesis thinks up: valid and invalid questions, wrong methods, wrong keys."""

    def test_schemathesis_finds_nothing(self):
        models = {"org/echo": {}, "tiny-bert": TINY, "all-MiniLM-L6-v2": TINY, "org/name": {"generate": 1}}
        with Hub(REPOSITORIES) as hub, Server(models, *NO_AUTOPULL, env={**hub.env, "HEIMNETZ_API_KEY": KEY}) as server:
            command = [pathlib.Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml", "--no-color", "run",
                       "--header", f"Authorization: Bearer {KEY}", server.url + "/openapi.json"]
            done = subprocess.run(command, cwd=server.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=240)
            generated = re.search(r"(\d+) generated", done.stdout)
            self.assertEqual(done.returncode, 0, done.stdout[-20000:])
            self.assertGreater(int(generated[1]), 300, done.stdout[-2000:])
            self.assertEqual(server.call("GET", "/health", headers={"X-Api-Key": KEY})[0], 200)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - len({test.id().split(' ')[0] for test, _ in outcome.failures + outcome.errors})} passed, {failed} failed")
    sys.exit(1 if failed else 0)
