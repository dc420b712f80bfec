#!/usr/bin/env python3
"""Does what docs/apis.md shows: its sh and python blocks run against a server that has the models they name.
The last line is "N passed, N failed"."""
import re
import subprocess
import sys
import unittest

import suite
from models import CHAT, EMBED, MODELS
from server import ROOT, Server

TEXT = (ROOT / "docs/apis.md").read_text(encoding="utf-8")
CURL = "set -eu -o pipefail\ncurl() { command curl --fail-with-body \"$@\"; }\n"


class Examples(unittest.TestCase):
    def test_each_block_does_what_it_shows(self):
        blocks = re.findall(r"^```(sh|python)\n(.*?)^```$", TEXT, re.M | re.S)
        self.assertEqual({language for language, _ in blocks}, {"sh", "python"})
        with Server({EMBED: MODELS[EMBED], "org/name": MODELS[CHAT]}) as server:
            for language, text in blocks:
                text = text.replace("http://127.0.0.1:8001", server.url)
                command = ["bash", "-c", CURL + text] if language == "sh" else [sys.executable, "-c", text]
                with self.subTest(text.splitlines()[0]):
                    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                          timeout=60)
                    self.assertEqual(done.returncode, 0, done.stdout)
                    self.assertIn("Hello" if language == "python" else "embeddings", done.stdout)

    def test_each_path_that_it_names_is_there(self):
        routes = (ROOT / "src/api/routes.def").read_text(encoding="utf-8")
        known = {re.sub(r"\*\}", "}", path) for path in re.findall(r'^ROUTE\(\w+, "([^"]+)"', routes, re.M)}
        for path in set(re.findall(r"`(/[a-z0-9_/{}]+)`", TEXT)) - {"/docs", "/openapi.json"}:
            with self.subTest(path):
                self.assertIn(path, known)


if __name__ == "__main__":
    suite.main()
