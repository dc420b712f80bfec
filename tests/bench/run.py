#!/usr/bin/env python3
"""make bench: aethercore beside what it is compared with, in one script, alternating, medians of five rounds.

Prints tables and writes build/bench.json. What it compares with is installed from the package registry into the cache folder
(tests/bench/requirements.txt), nginx from Debian's package, unpacked, not installed. Loopback only, bounded in time.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import generate
import stream

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "bench"
BIN = ROOT / "build" / "release" / "bin"
MODELS = ROOT / "build" / "models"
MINILM = MODELS / "all-MiniLM-L6-v2"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "heimnetz" / "bench"
ROUNDS = 5
SECONDS = 4
CLIENTS = 32
PARTS = ["embed", "tokens", "start", "memory", "health", "stream", "generate"]


def environment():
    """A Python with what we compare with; made once for each content of requirements.txt."""
    wanted = (HERE / "requirements.txt").read_text()
    folder = CACHE / "venv"
    stamp = folder / "requirements.txt"
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
        stamp.write_text(wanted)
    return python


def nginx():
    """Debian's nginx, unpacked beside us so that no service starts; None where it cannot be had."""
    found = shutil.which("nginx")
    folder = CACHE / "nginx"
    unpacked = folder / "usr" / "sbin" / "nginx"
    if found or unpacked.exists():
        return found or str(unpacked)
    if not shutil.which("apt-get"):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "-qq", "nginx"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        for package in folder.glob("nginx*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None
    return str(unpacked) if unpacked.exists() else None


def load_generator():
    out = ROOT / "build" / "release" / "load"
    source = HERE / "load.c"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", out, source], check=True)
    return out


class Server:
    """aethercore on a free port; ended by its process id."""

    def __init__(self, *args, cpu=None, env=None):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        command = [BIN / "aethercore", "--port", "0", "--models", MODELS, "--set", "log.format=logfmt", *args]
        if cpu is not None:
            command = ["taskset", "-c", str(cpu), *command]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stderr=self.log, env={**os.environ, **(env or {})})
        self.port = self.wait_ready()

    def wait_ready(self):
        for _ in range(5000):
            text = pathlib.Path(self.log.name).read_text()
            for line in text.splitlines():
                if "server.ready" in line:
                    return int(line.split("address=http://127.0.0.1:")[1].split()[0])
            if self.process.poll() is not None:
                raise SystemExit(f"aethercore did not start:\n{text}")
            time.sleep(0.001)
        raise SystemExit("aethercore did not get ready")

    def post(self, path, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data)) as reply:
            return json.loads(reply.read())

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as reply:
            return reply.read().decode()

    def rss_mb(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 1e6

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def run_load(port, clients, seconds, path, bodies=None, cpu=None):
    command = [load_generator(), str(port), str(clients), str(seconds), path] + ([bodies] if bodies else [])
    if cpu is not None:
        command = ["taskset", "-c", str(cpu), *command]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def median(rows):
    return statistics.median(rows)


# --- embeddings: through HTTP with 32 clients, beside ONNX Runtime in process ---


def peer(python, onnx, workload):
    """One round of ONNX Runtime fp32: texts a second."""
    out = subprocess.run([python, HERE / "peer_onnxruntime.py", onnx, MINILM, workload], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def make_workloads(python, folder):
    subprocess.run([python, HERE / "workloads.py", MINILM, folder], check=True)
    return {name: os.path.join(folder, name) for name in ("W1", "W2")}


def bench_embed(python, onnx, folder, rounds, seconds):
    files = make_workloads(python, folder)
    rows = {}
    for name in ("W1", "W2"):
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(peer(python, onnx, files[name] + ".txt")["per_second"])
            server = Server("--set", "models.load=all-MiniLM-L6-v2")
            server.post("/serve", {"model": "all-MiniLM-L6-v2", "inputs": "warm"})
            run_load(server.port, CLIENTS, 0.5, "/serve", files[name] + ".jsonl")
            ours.append(run_load(server.port, CLIENTS, seconds, "/serve", files[name] + ".jsonl"))
            server.stop()
        rows[name] = {
            "aethercore_http_32_clients": median([r["per_second"] for r in ours]),
            "p50_ms": median([r["p50_ms"] for r in ours]),
            "p99_ms": median([r["p99_ms"] for r in ours]),
            "errors": sum(r["errors"] for r in ours),
            "onnxruntime_in_process": median(theirs),
            "ratio": median([a["per_second"] / b for a, b in zip(ours, theirs)]),
        }
    return rows


# --- tokenizing, one thread each ---


def mixed_texts(folder):
    """The 5,000 texts in many scripts of the golden data, a line each."""
    path = os.path.join(folder, "mixed.txt")
    with open(ROOT / "tests/data/tokens/minilm.jsonl", encoding="utf-8") as rows, open(path, "w", encoding="utf-8") as out:
        for row in rows:
            out.write(" ".join(json.loads(row)["t"].split("\n")) + "\n")
    return path


def bench_tokens(python, folder, rounds):
    subprocess.run(["ninja", "-C", ROOT / "build/release", "--quiet", "text_bench"], check=True)
    ours = [ROOT / "build/release/tests/bench/text_bench"]
    theirs = [python, HERE / "peer_tokenizers.py"]
    result = {}
    for name, model in (("minilm", MINILM), ("byte_level_bpe", ROOT / "tests/data/tokens/roberta")):
        for kind, texts in (("english", os.path.join(folder, "W2.txt")), ("mixed", mixed_texts(folder))):
            speeds = {"ours": [], "theirs": []}
            for _ in range(rounds):
                for who, program in (("ours", ours), ("theirs", theirs)):
                    out = subprocess.run([*program, model, texts, "1"], check=True, capture_output=True, text=True).stdout
                    speeds[who].append(json.loads(out)["megabytes_per_second"])
            result[f"{name}_{kind}_mb_per_second"] = median(speeds["ours"])
            result[f"{name}_{kind}_tokenizers"] = median(speeds["theirs"])
            result[f"{name}_{kind}_ratio"] = median([a / b for a, b in zip(speeds["ours"], speeds["theirs"])])
    return result


# --- start and memory ---


def bench_start(rounds):
    times = []
    for _ in range(rounds):
        server = Server()
        server.post("/serve", {"model": "all-MiniLM-L6-v2", "inputs": "Hello world"})
        times.append((time.monotonic() - server.started) * 1e3)
        server.stop()
    return {"exec_to_first_embedding_ms": median(times)}


def bench_memory(folder):
    weights_mb = (MINILM / "model.safetensors").stat().st_size / 1e6
    server = Server()
    time.sleep(0.5)
    idle = server.rss_mb()
    server.post("/models/all-MiniLM-L6-v2/load?wait=true")
    run_load(server.port, CLIENTS, 3, "/serve", os.path.join(folder, "W1.jsonl"))
    loaded = server.rss_mb()
    server.post("/models/all-MiniLM-L6-v2/unload")
    time.sleep(0.5)
    unloaded = server.rss_mb()
    server.stop()
    return {
        "idle_rss_mb": idle,
        "minilm_rss_mb": loaded,
        "minilm_weights_mb": weights_mb,
        "minilm_rss_to_weights": loaded / weights_mb,
        "after_unload_rss_mb": unloaded,
    }


# --- streaming and scheduling ---


def bench_stream(folder, rounds):
    texts = pathlib.Path(folder, "W1.txt").read_text().splitlines()
    server = Server("--set", "models.load=all-MiniLM-L6-v2")
    row = stream.bench(server, texts, rounds)
    server.stop()
    return row


# --- texts that are made, beside llama.cpp's server ---


def bench_generate(rounds):
    subprocess.run([sys.executable, ROOT / "tools/deps/llama.py", "server"], check=True)
    server = Server()
    row = generate.bench(server, free_port(), rounds)
    server.stop()
    return row


# --- plain HTTP beside nginx ---

NGINX_CONF = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{body}'; }} }}
}}
"""


def start_nginx(binary, folder, body, port):
    conf = pathlib.Path(folder) / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, port=port, body=body))
    process = subprocess.Popen(["taskset", "-c", "0", binary, "-p", folder, "-e", f"{folder}/error.log", "-c", str(conf)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    if process.poll() is not None:
        raise SystemExit("nginx did not start: " + pathlib.Path(folder, "error.log").read_text())
    return process


def free_port():
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def bench_health(rounds, seconds, clients):
    binary = nginx()
    server = Server("--set", "server.loops=1", cpu=0)
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health") as reply:
        body = reply.read().decode()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        other = start_nginx(binary, folder, body, port) if binary else None
        for _ in range(rounds):
            ours.append(run_load(server.port, clients, seconds, "/health", cpu=1)["per_second"])
            if other:
                theirs.append(run_load(port, clients, seconds, "/", cpu=1)["per_second"])
        if other:
            other.terminate()
            other.wait(10)
    server.stop()
    row = {"aethercore_health_per_second": median(ours), "body_bytes": len(body)}
    if theirs:
        row["nginx_return_200_per_second"] = median(theirs)
        row["ratio"] = median([a / b for a, b in zip(ours, theirs)])
    return row


# --- output ---


def cpu_flags():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    flags = next((line.split(":")[1].split() for line in text.splitlines() if line.startswith("flags")), [])
    name = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")), platform.machine())
    known = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile")
    return name, [f for f in known if f in flags]


def print_table(title, row):
    print(f"\n{title}")
    for key, value in row.items():
        print(f"  {key:<34}{value:>12.3f}" if isinstance(value, float) else f"  {key:<34}{value:>12}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="only these")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    args = parser.parse_args()
    parts = args.parts or PARTS
    name, flags = cpu_flags()
    print(f"{name}, {os.cpu_count()} cores, {' '.join(flags)}; {args.rounds} rounds, medians")
    result = {"cpu": name, "cores": os.cpu_count(), "flags": flags, "rounds": args.rounds}
    python = environment()
    with tempfile.TemporaryDirectory() as folder:
        make_workloads(python, folder)
        if "start" in parts:
            result["start"] = bench_start(args.rounds)
            print_table("Start (files in page cache)", result["start"])
        if "memory" in parts:
            result["memory"] = bench_memory(folder)
            print_table("Memory", result["memory"])
        if "tokens" in parts:
            result["tokens"] = bench_tokens(python, folder, args.rounds)
            print_table("Tokenizing on one thread, beside tokenizers 0.23 in batches of 64", result["tokens"])
        if "health" in parts:
            result["health"] = bench_health(args.rounds, args.seconds, 64)
            print_table("Plain HTTP: GET /health, 64 connections, one core for the server, one for the load", result["health"])
        if "stream" in parts:
            result["stream"] = bench_stream(folder, args.rounds)
            print_table("Streaming: 512 texts of W1 and what else goes on, over one WebSocket", result["stream"])
        if "generate" in parts:
            result["generate"] = bench_generate(args.rounds)
            print_table("gemma-3-270m beside llama.cpp's server: 45 words in, 64 tokens out", result["generate"])
        if "embed" in parts:
            onnx = CACHE / "minilm.onnx"
            if not onnx.exists():
                subprocess.run([python, HERE / "minilm_onnx.py", MINILM, onnx], check=True)
            result["embed"] = bench_embed(python, onnx, folder, args.rounds, args.seconds)
            print_table("W1: texts of 8 to 64 tokens, texts a second", result["embed"]["W1"])
            print_table("W2: passages of 200 to 256 tokens, texts a second", result["embed"]["W2"])
    (ROOT / "build" / "bench.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
