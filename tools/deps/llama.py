#!/usr/bin/env python3
"""Builds llama.cpp once and lays it where the build looks for it.

    llama.py [library|server] [--build DIR]

library (the default): static libraries and headers in DIR/deps/llama, without which GGUF models do not run and all else
does; LLAMA=0 or a machine without a C++ compiler leaves it out. server: llama.cpp's own server in DIR/deps/llama/bin,
to compare with. Each is built once for a version, its options, the compiler and the CPU, in the cache folder of fetch.py;
3 and 8 minutes on two cores. The log is DIR/log/llama-<what>.txt.
"""
import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import fetch

COMMON = ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_BUILD_TESTS=OFF",
          "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_APP=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_BUILD_UI=OFF",
          "-DLLAMA_USE_PREBUILT_UI=OFF", "-DGGML_CCACHE=OFF", "-DGGML_NATIVE=ON"]
# Without OpenMP: our threads are ggml's own, as many as a call was lent, and asleep between calls.
KINDS = {
    "library": {"options": ["-DLLAMA_BUILD_COMMON=OFF", "-DLLAMA_BUILD_TOOLS=OFF", "-DLLAMA_BUILD_SERVER=OFF",
                            "-DGGML_OPENMP=OFF", "-DCMAKE_POSITION_INDEPENDENT_CODE=ON",
                            "-DCMAKE_C_VISIBILITY_PRESET=hidden", "-DCMAKE_CXX_VISIBILITY_PRESET=hidden"],
                "target": "llama", "minutes": 3,
                "take": {"src/libllama.a": "lib", "ggml/src/libggml.a": "lib", "ggml/src/libggml-base.a": "lib",
                         "ggml/src/libggml-cpu.a": "lib"},
                "headers": ["include/llama.h", "ggml/include/ggml.h", "ggml/include/ggml-alloc.h",
                            "ggml/include/ggml-backend.h", "ggml/include/ggml-cpu.h", "ggml/include/ggml-opt.h",
                            "ggml/include/gguf.h", "LICENSE"]},
    "server": {"options": ["-DLLAMA_BUILD_COMMON=ON", "-DLLAMA_BUILD_TOOLS=ON", "-DLLAMA_BUILD_SERVER=ON"],
               "target": "llama-server", "minutes": 8, "take": {"bin/llama-server": "bin"}, "headers": []},
}


def native_of(cxx):
    """What -march=native means to this compiler on this CPU."""
    done = subprocess.run([cxx[0], "-march=native", "-Q", "--help=target"], capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines() if line.startswith("  -m") and "[disabled]" not in line]


def compiler():
    """(path, first line of its version), or None."""
    path = shutil.which(os.environ.get("CXX", "c++"))
    if path is None:
        return None
    done = subprocess.run([path, "--version"], capture_output=True, text=True)
    return (path, done.stdout.splitlines()[0]) if done.returncode == 0 and done.stdout else None


def key_of(item, kind, cxx):
    facts = [item["sha256"], item["take"], COMMON, kind["options"], sorted(kind["take"]), kind["headers"], cxx[1],
             native_of(cxx)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def show(text):
    if sys.stdout.isatty():
        print(f"\r{text:<60}", end="", flush=True)


def run_ninja(command, log):
    """True: built. One line that says how far it is, where somebody looks."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True) as ninja:
        for line in ninja.stdout:
            log.write(line)
            if step := re.match(r"\[(\d+)/(\d+)\]", line):
                show(f"deps: llama.cpp {step.group(1)} of {step.group(2)} files")
    show("")
    show("\r")
    return ninja.returncode == 0


def compile_into(source, scratch, kind, log_path):
    configure = ["cmake", "-G", "Ninja", "-S", source, "-B", scratch / "build", *COMMON, *kind["options"]]
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with open(log_path, "w") as log:
        done = subprocess.run(configure, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        if done.returncode != 0 or not run_ninja(["ninja", "-C", scratch / "build", kind["target"]], log):
            log.flush()
            sys.stderr.write("\n".join(log_path.read_text(errors="replace").splitlines()[-30:]) + "\n")
            sys.exit(f"deps: llama.cpp could not be built; the whole log: {log_path}. LLAMA=0 builds without it.")


def collect(source, scratch, kind):
    files = scratch / "files"
    wanted = [(scratch / "build" / path, files / folder) for path, folder in kind["take"].items()]
    wanted += [(source / path, files / ("include" if path.endswith(".h") else ".")) for path in kind["headers"]]
    for path, folder in wanted:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, folder / path.name)
    return files


def ensure_built(cache, name, item, what, cxx, log_path, tools):
    kind = KINDS[what]
    ready = cache / f"llama-{what}-{item['version']}-{key_of(item, kind, cxx)}"
    if ready.exists():
        return ready
    with open(cache / f".llama-{what}-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready.exists():
            return ready
        with fetch.locked(cache):
            source = fetch.ensure_cached(cache, name, item, tools)
        print(f"deps: building llama.cpp ({what}): about {kind['minutes']} minutes, once; log: {log_path}", flush=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".new-") as scratch:
            scratch = pathlib.Path(scratch)
            compile_into(source, scratch, kind, log_path)
            collect(source, scratch, kind).rename(ready)
    return ready


def leave_out(place, why):
    print(f"deps: without llama.cpp ({why}): GGUF models will not run, all else does", flush=True)
    shutil.rmtree(place, ignore_errors=True)


def note(build, text):
    """What cmake looks at to see that llama.cpp came or went."""
    stamp = build / "deps" / "llama.txt"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    if not stamp.exists() or stamp.read_text() != text:
        stamp.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=list(KINDS), default="library")
    parser.add_argument("--build", type=pathlib.Path, default=fetch.ROOT / "build", help="default: build/")
    args = parser.parse_args()
    pinned = json.loads(fetch.PINNED.read_text())
    (name, item), = pinned["engines"].items()
    place = args.build / item["into"]
    cxx = compiler()
    if os.environ.get("LLAMA") == "0" or cxx is None:
        leave_out(place, "LLAMA=0" if cxx else "no C++ compiler; the package g++ brings one")
        return note(args.build, "none\n")
    cache = fetch.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    ready = ensure_built(cache, name, item, args.what, cxx, args.build / "log" / f"llama-{args.what}.txt",
                         pinned["tools"])
    fetch.lay_out(ready, place)
    if args.what == "library":
        note(args.build, f"{ready.name}\n")


if __name__ == "__main__":
    main()
