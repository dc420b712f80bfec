#!/usr/bin/env python3
"""heimnetz aethercore pull, and load of what is not here, against a hub on loopback (tests/support/hub.py).

    test_pull.py BUILD     BUILD: build/release, build/asan, …
"""
import json
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from stage import DATA, Stage, run_tests

HUB = pathlib.Path(__file__).resolve().parents[1] / "support" / "hub.py"
SLOW = {"rules": [{"at": "storage", "path": "safetensors", "do": "slow", "bytes": 100000}]}
BUILD = None


class Hub:
    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, HUB, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = json.loads(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.ports['hub']}"

    def control(self, settings):
        url = f"http://127.0.0.1:{self.ports['control']}/control"
        urllib.request.urlopen(url, json.dumps(settings).encode(), timeout=20).close()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(20)


class Pull(unittest.TestCase):
    def setUp(self):
        self.stage = Stage(BUILD)
        self.addCleanup(self.stage.close)
        shutil.copytree(DATA / "tiny-bert", self.stage.folder / "hub" / "org" / "tiny")
        self.hub = Hub(self.stage.folder / "hub")
        self.addCleanup(self.hub.close)
        self.state = self.stage.folder / "state"
        self.stage.states.append(self.state)
        self.models = self.stage.models("models")
        self.models.mkdir()
        self.heimnetz("up", "--port", "0", "--models", str(self.models), HF_ENDPOINT=self.hub.url, HF_HUB_OFFLINE="0",
                      HF_TOKEN_PATH="/nonexistent", AETHERCORE_HUB__AUTOPULL="on")

    def heimnetz(self, *args, code=0, **more):
        done = self.stage.run(*args, state=self.state, **more)
        self.assertEqual(done.code, code, f"heimnetz {' '.join(args)}\n{done.out}{done.err}")
        return done

    def show(self, *args, **more):
        return self.stage.show(*args, state=self.state, **more)

    def test_a_pull_says_what_is_here_now(self):
        done = self.heimnetz("aethercore", "pull", "org/tiny")
        self.assertRegex(done.out, r"^org/tiny is here, at commit [0-9a-f]{10}: 118\.3 kB in [\d.]+ m?s\n$")
        self.assertEqual(done.err, "")
        self.assertTrue((self.models / "org/tiny/model.safetensors").exists())
        again = self.heimnetz("aethercore", "pull", "org/tiny")
        self.assertRegex(again.out, r"^org/tiny is here, at commit")
        self.heimnetz("aethercore", "load", "org/tiny")
        ready = self.heimnetz("aethercore", "pull", "org/tiny")
        self.assertRegex(ready.out, r"^org/tiny is here already, at commit [0-9a-f]{10}\n$")

    def test_json_is_the_servers_answer(self):
        done = self.heimnetz("aethercore", "pull", "org/tiny", "--json")
        self.assertEqual(json.loads(done.out), {"id": "org/tiny", "state": "available"})

    def test_a_terminal_shows_the_bytes(self):
        self.hub.control(SLOW)
        seen = []

        def look(screen):
            seen.extend(text for text, _ in screen.lines() if "downloading" in text and "of 118.3 kB" in text)
            return False

        shown = self.show("aethercore", "pull", "org/tiny", until=look)
        self.assertEqual(shown.code, 0)
        self.assertTrue(seen)
        self.assertIn("org/tiny is here", shown.screen.lines()[0][0])
        self.assertFalse(shown.screen.wrapped)

    def test_a_load_shows_first_the_download_then_the_load(self):
        self.hub.control(SLOW)
        stages = []

        def look(screen):
            for text, _ in screen.lines():
                stages.extend(stage for stage in ("downloading", "is ready") if stage in text and stage not in stages)
            return False

        shown = self.show("aethercore", "load", "org/tiny", until=look)
        self.assertEqual(shown.code, 0)
        self.assertEqual(stages, ["downloading", "is ready"])

    def test_an_interrupt_leaves_it_going_on_and_unload_calls_it_off(self):
        self.hub.control({"rules": [{**SLOW["rules"][0], "bytes": 2000}]})
        shown = self.show("aethercore", "pull", "org/tiny",
                          until=lambda screen: any("downloading" in text for text, _ in screen.lines()))
        self.assertNotEqual(shown.code, 0)
        self.assertIn("downloading", self.heimnetz("aethercore", "models").out)
        results = []
        waiting = threading.Thread(target=lambda: results.append(self.heimnetz("aethercore", "pull", "org/tiny", code=1)))
        waiting.start()
        time.sleep(0.3)
        self.heimnetz("aethercore", "unload", "org/tiny")
        waiting.join(20)
        self.assertIn("org/tiny", results[0].err)
        self.assertNotIn("org/tiny", self.heimnetz("aethercore", "models").out)

    def test_what_was_pulled_is_removed_though_it_is_loaded(self):
        self.heimnetz("aethercore", "pull", "org/tiny")
        self.heimnetz("aethercore", "load", "org/tiny")
        self.assertEqual(self.heimnetz("aethercore", "remove", "org/tiny").out, "org/tiny is removed\n")
        self.assertFalse((self.models / "org").exists())
        self.assertIn("no model 'org/tiny'", self.heimnetz("aethercore", "remove", "org/tiny", code=1).err)

    def test_a_refusal_says_what_to_do(self):
        self.hub.control({"gated": ["org/tiny"]})
        gated = self.heimnetz("aethercore", "pull", "org/tiny", code=1)
        self.assertIn(f"is gated: accept its terms at {self.hub.url}/org/tiny", " ".join(gated.err.split()))
        self.assertIn("HF_TOKEN", gated.err)
        none = self.heimnetz("aethercore", "pull", "org/none", code=1)
        self.assertIn("no model 'org/none' on", none.err)
        bad = self.heimnetz("aethercore", "pull", "not a name", code=1)
        self.assertIn("org/name is expected", " ".join(bad.err.split()))
        self.heimnetz("aethercore", "pull", code=2)


def main():
    global BUILD
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BUILD = sys.argv.pop(1)
    return run_tests()


if __name__ == "__main__":
    sys.exit(main())
