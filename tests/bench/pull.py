#!/usr/bin/env python3
"""How fast a pull is: a model of one large file from tests/support/hub.py on loopback, beside what nothing can be faster
than by much: curl to a file, then sha256sum of it.

    pull.py [--mb 512] [--rounds 3] [--build build/release]

Alternating rounds in one run; medians. Also the most memory that the server took meanwhile.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def make_repository(folder, megabytes):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    with open(folder / "model.safetensors", "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))


def start_hub(folder):
    hub = subprocess.Popen([sys.executable, ROOT / "tests/support/hub.py", folder], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
    return hub, json.loads(hub.stdout.readline())


def start_server(build, models, url, connections):
    server = subprocess.Popen([build / "bin/aethercore", "--port", "0", "--models", models, "--set", "log.format=logfmt",
                               "--set", "models.hf_cache=off", "--set", f"hub.connections={connections}"],
                              env={**os.environ, "HF_ENDPOINT": url}, stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        found = re.search(r"event=server\.ready .*?address=(\S+)", line)
        if found:
            return server, found[1]
    sys.exit("aethercore does not start")


def pull(build, folder, url, connections):
    """(seconds, most memory in MB)"""
    models = folder / "models"
    models.mkdir()
    server, address = start_server(build, models, url, connections)
    began = time.monotonic()
    urllib.request.urlopen(f"{address}/hub/pull?wait=true", b'{"id":"org/large"}', timeout=600).close()
    seconds = time.monotonic() - began
    peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{server.pid}/status").read_text())[1]) / 1024
    server.terminate()
    server.stderr.close()
    server.wait()
    shutil.rmtree(models)
    return seconds, peak


def curl_and_sum(folder, storage):
    target = folder / "fetched"
    began = time.monotonic()
    subprocess.run(["curl", "-sSf", "-o", target, f"{storage}/blob/org/large/model.safetensors?Signature=x"], check=True)
    subprocess.run(["sha256sum", target], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    target.unlink()
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="heimnetz-pull-"))
    try:
        make_repository(folder / "hub/org/large", args.mb)
        hub, ports = start_hub(folder / "hub")
        url, storage = (f"http://127.0.0.1:{ports[at]}" for at in ("hub", "storage"))
        urllib.request.urlopen(f"{url}/api/models/org/large?blobs=true", timeout=600).close()  # it hashes once
        took = {"curl + sha256sum": [], "pull, 1 connection": [], "pull, 8 connections": []}
        peaks = []
        for _ in range(args.rounds):
            took["curl + sha256sum"].append(curl_and_sum(folder, storage))
            for connections in (1, 8):
                seconds, peak = pull(args.build.resolve(), folder, url, connections)
                took[f"pull, {connections} connection{'s' if connections > 1 else ''}"].append(seconds)
                peaks.append(peak)
        hub.stdin.close()
        hub.wait()
    finally:
        shutil.rmtree(folder)
    for name, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{name:<22}{median:7.2f} s  {args.mb * 1.048576 / median:7.0f} MB/s")
    print(f"most memory of the server: {max(peaks):.0f} MB")


if __name__ == "__main__":
    main()
