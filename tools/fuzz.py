#!/usr/bin/env python3
"""`make fuzz`: builds the fuzz targets of tests/fuzz with clang and runs each for a while.

    fuzz.py [NAME…] [--seconds 30] [--jobs CORES]

What libFuzzer finds new grows in build/fuzz/corpus/<name>, beside the inputs of tests/fuzz/corpus/<name>. An input that
breaks something is kept in build/fuzz/found/<name>-…, and the exit code is 1. To see it again:
    build/fuzz/tests/fuzz/fuzz_<name> FILE
Mend it with a unit test first; the input, made small, goes into tests/fuzz/corpus/<name>.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import build

ROOT = build.ROOT
SOURCES = ROOT / "tests" / "fuzz"
OUT = ROOT / "build" / "fuzz"
ENVIRONMENT = {"ASAN_OPTIONS": "allocator_may_return_null=1:detect_leaks=1:strict_string_checks=1",
               "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
DONE = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+)")


def names():
    return sorted(path.stem.removeprefix("fuzz_") for path in SOURCES.glob("fuzz_*.c"))


def command(name, seconds):
    corpus, found = OUT / "corpus" / name, OUT / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    words = SOURCES / f"{name}.dict"
    return [OUT / "tests" / "fuzz" / f"fuzz_{name}", corpus, SOURCES / "corpus" / name, f"-max_total_time={seconds}",
            "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}/{name}-",
            *([f"-dict={words}"] if words.exists() else [])]


def run(name, seconds):
    """(name, good, a line to print)"""
    log = build.log_of("fuzz", name)
    with open(log, "wb") as file:
        code = subprocess.run(command(name, seconds), env={**os.environ, **ENVIRONMENT}, stdin=subprocess.DEVNULL,
                              stdout=file, stderr=subprocess.STDOUT).returncode
    text = log.read_text(errors="replace")
    done = DONE.search(text)
    if code == 0 and done:
        return name, True, f"{int(done[1]):>12,} runs   {done[2]:>6} edges"
    kept = re.findall(r"Test unit written to (\S+)", text)
    return name, False, f"FAILED: {kept[-1] if kept else 'exit code %d' % code}; see {log.relative_to(ROOT)}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("name", nargs="*", help="of " + ", ".join(names()))
    options.add_argument("--seconds", type=int, default=30, help="for each target")
    options.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="targets at a time")
    args = options.parse_args()
    unknown = set(args.name) - set(names())
    if unknown:
        sys.exit(f"fuzz: no target {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    for step in (build.configure_command("fuzz"), build.ninja_command("fuzz", "fuzzers")):
        log = build.log_of("fuzz", "build")
        if step and not build.logged(step, log):
            sys.exit(f"{build.tail(log)}\nfuzz: the build failed; the whole log: {log}")
    good = True
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, fine, line in pool.map(lambda name: run(name, args.seconds), args.name or names()):
            print(f"{name:<16}{line}", flush=True)
            good = good and fine
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
