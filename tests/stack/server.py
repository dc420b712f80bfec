"""The real aethercore as a child process on a free port of loopback, with a models folder of its own."""
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / "build/release/bin/aethercore"
READY_S = 20


class Hub:
    """tests/support/hub.py: the hub's API over {repository: folder}. with Hub({"org/tiny": TINY}) as hub: hub.env"""

    def __init__(self, repositories):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="heimnetz-hub-"))
        for name, content in repositories.items():
            shutil.copytree(content, self.folder / name)

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-B", ROOT / "tests/support/hub.py", self.folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = json.loads(self.process.stdout.readline())["hub"]
        self.env = {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HUB_OFFLINE": "0"}
        return self

    def __exit__(self, *_):
        self.process.stdin.close()  # ends it
        self.process.wait(20)
        self.process.stdout.close()
        shutil.rmtree(self.folder)


class Server:
    """with Server({"org/echo": {}, "tiny-bert": ROOT / "tests/data/tiny-bert"}) as server: server.url

    A model is the content of its echo.json, or a folder to copy."""

    def __init__(self, models, *args, env=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="heimnetz-stack-"))
        for name, content in models.items():
            self.add(name, content)
        self.args, self.env, self.process = args, env or {}, None

    def add(self, name, content):
        place = self.folder / "models" / name
        if isinstance(content, dict):
            place.mkdir(parents=True)
            (place / "echo.json").write_text(json.dumps(content))
        else:
            shutil.copytree(content, place)

    def __enter__(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AETHERCORE_", "HEIMNETZ_"))}
        # This machine's models are not the test's, nor are the hub's.
        environment |= {"AETHERCORE_MODELS__HF_CACHE": "off", "AETHERCORE_HUB__AUTOPULL": "off", "HF_HUB_OFFLINE": "1"}
        (self.folder / "models").mkdir(exist_ok=True)
        self.log = open(self.folder / "log.txt", "w+b")
        self.process = subprocess.Popen([BINARY, "--port", "0", "--models", self.folder / "models", "--set",
                                         "log.format=logfmt", *self.args], stderr=self.log, env={**environment, **self.env})
        self.url = self.wait_ready()
        return self

    def said(self):
        return (self.folder / "log.txt").read_text(errors="replace")

    def wait_ready(self):
        end = time.monotonic() + READY_S
        while time.monotonic() < end and self.process.poll() is None:
            found = re.search(r"event=server\.ready .*?address=(\S+)", self.said())
            if found:
                return found[1]
            select.select([], [], [], 0.02)
        raise RuntimeError(f"aethercore did not get ready:\n{self.said()}")

    def __exit__(self, *_):
        self.process.terminate()
        code = self.process.wait(20)
        self.log.close()
        said = self.said()
        shutil.rmtree(self.folder)
        if code != 0:
            raise RuntimeError(f"aethercore ended with {code}:\n{said}")

    def call(self, method, path, body=None, headers=None):
        """(status, headers, body as JSON or text)"""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers or {}, method=method)
        try:
            reply = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            text = reply.read().decode()
        is_json = reply.headers.get_content_type() == "application/json"
        return reply.status, reply.headers, json.loads(text) if is_json else text
