#!/usr/bin/env python3
"""Hugging Face's own client, unmodified: it takes tests/support/hub.py for a hub, so that what our client is tested against
is one; and what it has put into its cache, aethercore serves from there."""
import filecmp
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ROOT / "tests/data/tiny-bert"


class Hub:
    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, ROOT / "tests/support/hub.py", folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        ports = json.loads(self.process.stdout.readline())
        self.url, self.control_url = (f"http://127.0.0.1:{ports[at]}" for at in ("hub", "control"))

    def control(self, settings):
        urllib.request.urlopen(self.control_url, json.dumps(settings).encode(), timeout=20).close()

    def log(self):
        with urllib.request.urlopen(self.control_url, timeout=20) as answer:
            return json.load(answer)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


# What the library reads is read when it is imported.
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="heimnetz-hub-"))
shutil.copytree(TINY, FOLDER / "hub/org/tiny")
(FOLDER / "hub/org/tiny@v1").mkdir()
(FOLDER / "hub/org/tiny@v1/config.json").write_text("{}")
HUB = Hub(FOLDER / "hub")
os.environ |= {"HF_ENDPOINT": HUB.url, "HF_HOME": str(FOLDER / "home"), "HF_HUB_DISABLE_TELEMETRY": "1",
               "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_TOKEN_PATH": "/nonexistent"}
os.environ.pop("HF_TOKEN", None)
os.environ.pop("HF_HUB_OFFLINE", None)

import huggingface_hub  # noqa: E402
from server import Server  # noqa: E402


class HubTest(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        HUB.close()
        shutil.rmtree(FOLDER)

    def setUp(self):
        HUB.control({})

    def fetch(self, **more):
        return pathlib.Path(huggingface_hub.snapshot_download("org/tiny", cache_dir=FOLDER / self.id(), **more))

    def test_a_snapshot_is_what_the_repository_holds(self):
        snapshot = self.fetch()
        for path in TINY.rglob("*"):
            if path.is_file():
                self.assertTrue(filecmp.cmp(path, snapshot / path.relative_to(TINY), shallow=False), path)

    def test_one_file_a_revision_and_a_commit(self):
        path = huggingface_hub.hf_hub_download("org/tiny", "config.json", revision="v1", cache_dir=FOLDER / self.id())
        self.assertEqual(pathlib.Path(path).read_text(), "{}")
        info = huggingface_hub.model_info("org/tiny", files_metadata=True)
        weights = next(file for file in info.siblings if file.rfilename == "model.safetensors")
        self.assertEqual(weights.size, weights.lfs.size)
        self.assertEqual(huggingface_hub.model_info("org/tiny", revision=info.sha).sha, info.sha)

    def test_the_token_stays_with_the_hub(self):
        self.fetch(token="good")
        log = HUB.log()
        self.assertTrue(any(entry["at"] == "storage" for entry in log))
        for entry in log:
            self.assertEqual(entry["token"], "good" if entry["at"] == "hub" else None, entry)

    def test_a_download_that_was_cut_goes_on(self):
        HUB.control({"rules": [{"at": "storage", "path": "tiny/model.safetensors", "times": 1, "do": "cut", "bytes": 50000}]})
        snapshot = self.fetch()
        self.assertTrue(filecmp.cmp(TINY / "model.safetensors", snapshot / "model.safetensors", shallow=False))

    def test_renames_and_refusals_are_understood(self):
        HUB.control({"rename": {"old/name": "org/tiny"}, "gated": ["org/tiny"]})
        self.assertEqual(huggingface_hub.model_info("old/name").id, "org/tiny")
        with self.assertRaises(huggingface_hub.errors.GatedRepoError):
            huggingface_hub.hf_hub_download("org/tiny", "config.json", cache_dir=FOLDER / self.id())
        with self.assertRaises(huggingface_hub.errors.RepositoryNotFoundError):
            huggingface_hub.model_info("org/none")
        with self.assertRaises(huggingface_hub.errors.RevisionNotFoundError):
            huggingface_hub.model_info("org/tiny", revision="v9")
        with self.assertRaises(huggingface_hub.errors.EntryNotFoundError):
            huggingface_hub.hf_hub_download("org/tiny", "none.json", token="good", cache_dir=FOLDER / self.id())

    def test_what_it_has_fetched_is_served_where_it_lies(self):
        snapshot = self.fetch()
        with Server({}, "--set", f"models.hf_cache={FOLDER / self.id()}") as server:
            status, _, model = server.call("GET", "/models/org/tiny")
            self.assertEqual((status, model["source"], model["commit"]), (200, "hf_cache", snapshot.name))
            status, _, answer = server.call("POST", "/serve", {"model": "org/tiny", "inputs": "hello"})
            self.assertEqual(status, 200, answer)

    def test_our_pull_brings_the_same_bytes(self):
        snapshot = self.fetch()
        with Server({}, env={"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": HUB.url}) as server:
            status, _, answer = server.call("POST", "/hub/pull?wait=true", {"id": "org/tiny"})
            self.assertEqual(status, 200, answer)
            self.assertEqual(server.call("GET", "/models/org/tiny")[2]["commit"], snapshot.name)
            pulled = [path for path in (server.folder / "models/org/tiny").rglob("*") if path.is_file() and path.name[0] != "."]
            self.assertGreater(len(pulled), 5)
            for path in pulled:
                other = snapshot / path.relative_to(server.folder / "models/org/tiny")
                self.assertTrue(filecmp.cmp(path, other, shallow=False), path)


if __name__ == "__main__":
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"{outcome.testsRun - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
