#!/usr/bin/env python3
"""Configures (once) and builds a preset of CMakePresets.json.

    build.py release|asan|tsan|fuzz [TARGET…]
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def log_of(preset, step):
    log = ROOT / "build" / "log" / f"{preset}-{step}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    return log


def logged(command, log, environment=None):
    """Runs with all output in the log. True: exit code 0."""
    with open(log, "wb") as file:
        return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                              env=environment).returncode == 0


def tail(log, lines=60):
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def configure_command(preset):
    """None when it was done before: ninja sees to changes by itself. CI takes no compiler warning; elsewhere a newer
    compiler's new warning must not stop the build."""
    if (ROOT / "build" / preset / "build.ninja").exists():
        return None
    return ["cmake", "--preset", preset, f"-DHEIMNETZ_WERROR={'ON' if os.environ.get('CI') else 'OFF'}"]


def ninja_command(preset, *more):
    return ["ninja", "-C", f"build/{preset}", *more]


def main(args):
    if not args:
        sys.exit(__doc__)
    preset, log = args[0], log_of(args[0], "configure")
    command = configure_command(preset)
    if command and not logged(command, log):
        sys.exit(f"{tail(log)}\nbuild: cmake could not configure '{preset}'; the whole log: {log}")
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    ninja = ninja_command(preset, *quiet, *args[1:])
    sys.exit(subprocess.run(ninja, cwd=ROOT, stdin=subprocess.DEVNULL).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
