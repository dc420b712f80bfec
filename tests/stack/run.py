#!/usr/bin/env python3
"""`make test-stack`: the built server, as others meet it. One line a suite, details only of what fails.

    run.py [NAME…]       without names all of SUITES

The last line is "N passed, N failed". Exit code 1 when anything failed.
"""
import os
import re
import signal
import subprocess
import sys
import time

import tools

HERE, ROOT = tools.HERE, tools.ROOT
SUITE_S_MAX = 300
TAP = {"passed": re.compile(r"^# pass (\d+)", re.M), "failed": re.compile(r"^# fail (\d+)", re.M),
       "skipped": re.compile(r"^# skipped (\d+)", re.M)}
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", re.M)


def node_test(*names):
    return [tools.node(), "--test", "--test-reporter=tap", *(ROOT / name for name in names)]


def python_test(name):
    return [tools.python(), "-B", ROOT / name]


def client_test(name, pins="requirements"):
    """One of tests/clients with the packages that tests/clients/<pins>.txt pins."""
    return [tools.python(ROOT / f"tests/clients/{pins}.txt"), "-B", ROOT / f"tests/clients/{name}_test.py"]


SUITES = {
    "browser": lambda: node_test("tests/stack/browser.test.mjs"),
    "node": lambda: node_test("tests/clients/client.test.mjs"),
    "python": lambda: python_test("tests/clients/client_test.py"),
    "hub": lambda: python_test("tests/clients/hub_test.py"),
    "grammar": lambda: python_test("tests/grammar/check.py"),
    "openai": lambda: client_test("openai"),
    "ollama": lambda: client_test("ollama"),
    "responses": lambda: client_test("responses"),
    "anthropic": lambda: client_test("anthropic"),
    "tei": lambda: client_test("tei"),
    "frameworks": lambda: client_test("frameworks", "frameworks"),
    "apis": lambda: client_test("apis"),
    "openapi": lambda: python_test("tests/stack/openapi_test.py"),
    "readme": lambda: [sys.executable, "-B", ROOT / "tests/readme/run.py"],
}


def counts_of(output, code):
    """What the suite says of itself; the exit code has the last word."""
    tap = {kind: sum(int(n) for n in pattern.findall(output)) for kind, pattern in TAP.items()}
    summary = SUMMARY.findall(output)
    if summary:
        tap = dict(zip(("passed", "failed", "skipped"), (int(n or 0) for n in summary[-1])))
    if (code != 0 and tap["failed"] == 0) or tap["passed"] + tap["failed"] == 0:
        tap["failed"] += 1
    return tap


def run_suite(name):
    started = time.monotonic()
    log = ROOT / "build/log" / f"stack-{name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "HEIMNETZ_NODE_MODULES": str(tools.node_modules()), "PYTHONPATH": str(HERE)}
    with open(log, "wb") as file:
        child = subprocess.Popen(SUITES[name](), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                 env=environment, start_new_session=True)
        try:
            code = child.wait(SUITE_S_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)  # its browser and its servers too
            code = child.wait()
    output = log.read_text(errors="replace")
    counts = counts_of(output, code)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"stack: {name:<11}{time.monotonic() - started:7.1f} s   {counts['passed']} passed, {counts['failed']} failed{skipped}",
          flush=True)
    if counts["failed"]:
        print("\n".join(output.splitlines()[-100:]), flush=True)
    return counts


def main(names):
    if not set(names) <= set(SUITES):
        sys.exit(__doc__)
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for name in names or SUITES:
        for kind, count in run_suite(name).items():
            total[kind] += count
    skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{total['passed']} passed, {total['failed']} failed{skipped}")
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
