#!/usr/bin/env python3
"""Does what the README says: its ```sh blocks run in their order, in a home folder of their own, against the built tree.

Port 8001 becomes a free one; the cache folder stays the user's, so that nothing is fetched again. A block is one test, and so
is each thing that the README names: links, make targets, paths of the interface. The last line is "N passed, N failed"."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES_MAX = 150
BLOCK_S_MAX = 240
PORT = "8001"


def blocks():
    """[(first line's number, text)] of the sh blocks."""
    found = re.finditer(r"^```sh\n(.*?)^```$", README, re.M | re.S)
    return [(README[:match.start()].count("\n") + 2, match[1]) for match in found]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def environment(home, port):
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    kept = {key: value for key, value in os.environ.items()
            if not re.match(r"(AETHERCORE|HEIMNETZ|CONTEXTFORGE|XDG)_|MAKE", key)}
    return {**kept, "HOME": str(home), "XDG_CACHE_HOME": str(cache), "CI": "true", "YES": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "AETHERCORE_SERVER__PORT": port, "AETHERCORE_URL": f"http://127.0.0.1:{port}"}


def run_block(text, port, env):
    """None, or what was said by a block that failed."""
    script = "set -eu -o pipefail\ncurl() { command curl --fail-with-body \"$@\"; }\n" + text.replace(PORT, port)
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(["bash", "-c", script], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=said,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = child.wait(BLOCK_S_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
        said.seek(0)
        return None if code == 0 else f"{text}\n{said.read()}\n(exit code {code})"


def what_blocks_say():
    """Yields (name, fault or None)."""
    home, port = pathlib.Path(tempfile.mkdtemp(prefix="heimnetz-readme-")), free_port()
    env = environment(home, port)
    try:
        for number, text in blocks():
            yield f"the commands at line {number}", run_block(text, port, env)
    finally:
        subprocess.run(["./heimnetz", "down"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)
        shutil.rmtree(home)


def what_the_text_says():
    """Yields (name, fault or None)."""
    count = len(README.splitlines())
    yield f"under {LINES_MAX} lines", None if count < LINES_MAX else f"{count} lines"
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
    code = re.findall(r"`([^`]+)`", prose) + [text for _, text in blocks()]
    for target in sorted(set(re.findall(r"\bmake ([a-z-]+)", "\n".join(code)))):
        yield f"make {target} is a target", None if target in targets else "it is not"
    for link in sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))):
        yield f"{link} is there", None if (ROOT / link).exists() else "it is not"
    known = set(re.findall(r'^ROUTE\((\w+), "([^"]+)"', (ROOT / "src/api/routes.def").read_text(), re.M))
    known = {(method, re.sub(r"\{(\w+)\*\}", r"{\1}", path)) for method, path in known}
    for method, path in sorted(set(re.findall(r"`(GET|POST|WS) (/[^`\s?]*)", README))):
        method = "GET" if method == "WS" else method
        yield f"{method} {path} is a path", None if (method, path) in known else "it is not"


def main():
    counts = [0, 0]
    for said in (what_the_text_says(), what_blocks_say()):
        for name, fault in said:
            counts[fault is not None] += 1
            print(f"{'FAILED' if fault else 'ok':<7}{name}" + (f": {fault}" if fault else ""), flush=True)
    print(f"{counts[0]} passed, {counts[1]} failed")
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
