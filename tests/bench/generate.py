"""Texts that are made, beside llama.cpp's own server from the same source: a part of run.py.

Both sides get the same prompts through POST /v1/completions, streamed, in turns; each figure is a median over the rounds, and
a ratio is taken within a round. Tokens are counted by the parts of a stream that bring text.
"""
import asyncio
import json
import pathlib
import random
import statistics
import subprocess
import time
import urllib.request

from texts import words

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODEL = "gemma-3-270m"
SERVER = ROOT / "build" / "deps" / "llama" / "bin" / "llama-server"
SLOTS, CONTEXT = 20, 32768
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 40}, "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}, "minItems": 8, "maxItems": 12},
                   "count": {"type": "integer"}, "kind": {"enum": ["first", "second", "third"]}},
    "required": ["name", "tags", "count", "kind"], "additionalProperties": False,
}


def gguf():
    return next((ROOT / "build" / "models" / MODEL).glob("*.gguf"))


class Peer:
    """llama.cpp's server on a free port."""

    def __init__(self, port):
        self.port = port
        self.process = subprocess.Popen(
            [SERVER, "-m", gguf(), "--port", str(port), "-np", str(SLOTS), "-c", str(CONTEXT), "-t", "2", "--swa-full", "--no-webui"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                if json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/health"))["status"] == "ok":
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("llama-server did not get ready")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Made:
    """One streamed completion: when its parts came."""

    def __init__(self):
        self.started, self.times, self.error = time.monotonic(), [], None

    @property
    def first_ms(self):
        return (self.times[0] - self.started) * 1e3 if self.times else float("nan")

    @property
    def tokens(self):
        return len(self.times)


async def complete(port, prompt, tokens, path="/v1/completions", **more):
    body = {"model": MODEL, "prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True, "cache_prompt": True, **more}
    data = json.dumps(body).encode()
    made = Made()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    try:
        async for line in reader:
            if not line.startswith(b"data: {"):
                made.error = made.error or (line.decode() if line.startswith(b"HTTP/1.1") and b" 200 " not in line else None)
                continue
            part = json.loads(line[6:])
            if part.get("choices") and (part["choices"][0].get("text") or (part["choices"][0].get("delta") or {}).get("content")):
                made.times.append(time.monotonic())
    finally:
        writer.close()
    return made


def prompt_of(count, seed):
    return " ".join(words(count, seed))


async def crowd(port, streams, seed, words_in, tokens):
    """Tokens a second of so many streams at once, and their first tokens' times."""
    started = time.monotonic()
    made = await asyncio.gather(*[complete(port, prompt_of(words_in, seed * 1000 + i), tokens) for i in range(streams)])
    seconds = time.monotonic() - started
    return sum(m.tokens for m in made) / seconds, statistics.median(m.first_ms for m in made)


def alternate(rounds, ports, measure):
    """{side: [figures of the rounds]}; measure(port, round)."""
    out = {side: [] for side in ports}
    for r in range(rounds):
        for side, port in ports.items():
            out[side].append(asyncio.run(measure(port, r)))
    return out


def row(name, sides, better_is_more=True):
    ours, theirs = sides["ours"], sides.get("theirs")
    result = {name: statistics.median(ours)}
    if theirs:
        result[name + "_llama_server"] = statistics.median(theirs)
        result[name + "_ratio"] = statistics.median(a / b for a, b in zip(ours, theirs))
    return result


def bench_crowds(rounds, ports):
    result = {}
    for streams in (1, 4, 16):
        async def measure(port, r, streams=streams):
            return await crowd(port, streams, 10 * r + streams, 45, 64)
        sides = alternate(rounds, ports, measure)
        result |= row(f"streams_{streams}_tokens_per_second", {side: [f[0] for f in rows] for side, rows in sides.items()})
        result |= row(f"streams_{streams}_first_token_ms", {side: [f[1] for f in rows] for side, rows in sides.items()})
    return result


async def short_chats(port, seconds, seed):
    times, until, i = [], time.monotonic() + seconds, 0
    while time.monotonic() < until:
        made = await complete(port, prompt_of(12, seed * 7919 + i), 4)
        times.append(made.first_ms)
        i += 1
        await asyncio.sleep(0.2)
    return times


def p99(times):
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


async def beside_long(port, r):
    """p99 of short chats' first tokens, alone and beside four clients of long prompts in a closed loop; milliseconds."""
    alone = await short_chats(port, 4, 2 * r)
    ended = asyncio.Event()

    async def long_client(i):
        n = 0
        while not ended.is_set():
            await complete(port, prompt_of(3000, 31 * r + 7 * i + 1000 * n), 32)
            n += 1

    clients = [asyncio.create_task(long_client(i)) for i in range(4)]
    await asyncio.sleep(2)
    crowded = await short_chats(port, 15, 2 * r + 1)
    ended.set()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return p99(alone), p99(crowded)


async def same_beginning(port, r):
    """First token of a second request with the same 500-token beginning, as a share of the first one's."""
    beginning = prompt_of(400, 555 + r)
    first = await complete(port, beginning + " " + prompt_of(5, r), 4)
    second = await complete(port, beginning + " " + prompt_of(5, 99 + r), 4)
    return second.first_ms / first.first_ms


async def formed(port, r):
    """Tokens a second after the first, with a schema and without one."""
    def speed(made):
        return (made.tokens - 1) / (made.times[-1] - made.times[0]) if made.tokens > 2 else float("nan")
    messages = [{"role": "user", "content": prompt_of(20, 70 + r)}]
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    await complete(port, None, 48, "/v1/chat/completions", messages=messages, response_format=form)
    bound = await complete(port, None, 48, "/v1/chat/completions", messages=messages, response_format=form)
    free = await complete(port, None, 48, "/v1/chat/completions", messages=messages)
    return speed(bound) / speed(free)


async def killed(port, count, seed):
    rng = random.Random(seed)

    async def client(i):
        task = asyncio.create_task(complete(port, prompt_of(60, seed + i), 512))
        await asyncio.sleep(rng.uniform(0, 2))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for start in range(0, count, 20):
        await asyncio.gather(*[client(start + i) for i in range(20)])


def counted(server, name):
    return sum(float(line.split()[-1]) for line in server.get("/metrics").splitlines() if line.startswith(name) and not line.startswith("#"))


def bench_killed(server, count):
    """Tokens that were computed in the second after the last of so many clients had gone, a client."""
    asyncio.run(killed(server.port, count, 5))
    before = counted(server, "aethercore_sched_generated_tokens_total")
    time.sleep(1)
    return {"killed_clients": count, "tokens_after_they_left": counted(server, "aethercore_sched_generated_tokens_total") - before}


def bench(server, port, rounds):
    """server: ours, running. port: free, for theirs."""
    server.post(f"/models/{MODEL}/load?wait=true")
    peer = Peer(port) if SERVER.exists() else None
    ports = {"ours": server.port} | ({"theirs": port} if peer else {})
    try:
        result = bench_crowds(rounds, ports)
        sides = alternate(max(1, rounds // 2), ports, beside_long)
        for side, rows in sides.items():
            result[f"short_first_token_p99_ms_alone_{side}"] = statistics.median(f[0] for f in rows)
            result[f"short_first_token_p99_ms_crowded_{side}"] = statistics.median(f[1] for f in rows)
            result[f"short_first_token_p99_crowded_to_alone_{side}"] = statistics.median(f[1] / f[0] for f in rows)
        result |= row("second_first_token_share", alternate(rounds, ports, same_beginning))
        result |= row("schema_speed_share", alternate(rounds, ports, formed))
    finally:
        if peer:
            peer.stop()
    return result | bench_killed(server, 200)
