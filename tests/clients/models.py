"""The models that the tests of language clients are served with: {name: folder or echo.json}."""
import re
import time

from server import ROOT

KEY = "a-key-of-this-test-0123456789"
CHAT = "org/parrot"  # says what it is told
SLOW = "org/slow"  # says it in a while: 4 ms for each letter that it is told or says
EMBED = "all-MiniLM-L6-v2"
RERANK = "tiny-bert-rerank"
CLASSIFY = "tiny-bert-classify"
MODELS = {
    CHAT: {"generate": 1},
    SLOW: {"generate": 1, "token_us": 4000},
    EMBED: ROOT / "build/models" / EMBED,
    RERANK: ROOT / "tests/data" / RERANK,
    CLASSIFY: ROOT / "tests/data" / CLASSIFY,
}
ENV = {"HEIMNETZ_API_KEY": KEY}


def running(server, model):
    """How many texts the engine goes on with now, as /metrics says."""
    text = server.call("GET", "/metrics", headers={"X-Api-Key": KEY})[2]
    found = re.search(r'^aethercore_sched_sequences_running\{model="%s"\} (\d+)' % re.escape(model), text, re.M)
    return int(found[1]) if found else 0


def wait_until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("it did not come so far")
        time.sleep(0.01)


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5
