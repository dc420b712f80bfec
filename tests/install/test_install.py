#!/usr/bin/env python3
"""tools/install and tools/uninstall: what lies where, that it runs, and that nothing stays behind."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "screens"))

from stage import run_tests  # noqa: E402

BUILD = ROOT / "build" / "release"
EXPECTED = ("bin/aethercore", "bin/heimnetz", "include/aether/backend.h", "lib/aether/echo.so", "lib/aether/native.so",
            "share/bash-completion/completions/heimnetz", "share/doc/heimnetz/LICENSE",
            "share/doc/heimnetz/installed-files.txt", "share/fish/vendor_completions.d/heimnetz.fish",
            "share/man/man1/heimnetz.1", "share/zsh/site-functions/_heimnetz")


def files_below(folder):
    return {p.relative_to(folder).as_posix(): p.lstat().st_mtime_ns for p in folder.rglob("*") if not p.is_dir()}


class Install(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="heimnetz install ")).resolve()
        self.addCleanup(shutil.rmtree, self.folder)
        if not (BUILD / "sbom.spdx.json").exists():
            subprocess.run([sys.executable, "tools/deps/sbom.py", "build/release"], cwd=ROOT, check=True)

    def run_tool(self, name, prefix, dest="", code=0):
        done = subprocess.run([ROOT / "tools" / name], env={**os.environ, "PREFIX": str(prefix), "DESTDIR": str(dest)},
                              cwd="/", capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_install_puts_all_into_a_prefix_with_blanks_and_uninstall_leaves_nothing(self):
        prefix = self.folder / "a place" / "it's mine"
        self.run_tool("install", prefix)
        for name in EXPECTED:
            self.assertTrue((prefix / name).is_file(), name)
        self.run_tool("uninstall", prefix)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertIn("nothing is installed there", self.run_tool("uninstall", prefix, code=1))

    def test_install_runs_from_where_it_lies(self):
        prefix, state = self.folder / "prefix", self.folder / "state"
        models = self.folder / "models"
        (models / "echo").mkdir(parents=True)
        (models / "echo" / "echo.json").write_text("{}")
        self.run_tool("install", prefix)
        env = {**os.environ, "HEIMNETZ_STATE": str(state)}
        heimnetz = prefix / "bin" / "heimnetz"
        subprocess.run([heimnetz, "up", "--port", "0", "--models", models], env=env, check=True, capture_output=True)
        try:
            done = subprocess.run([heimnetz, "aethercore", "load", "echo"], env=env, check=True, capture_output=True,
                                  text=True)
            self.assertIn("echo is ready", done.stdout)
            self.run_tool("install", prefix)  # over a program that runs
        finally:
            subprocess.run([heimnetz, "down"], env=env, check=True, capture_output=True)
        self.run_tool("uninstall", prefix)
        self.assertFalse(prefix.exists())

    def test_install_goes_below_destdir_and_leaves_other_files_alone(self):
        dest = self.folder / "stage"
        other = dest / "usr" / "share" / "man" / "man1" / "other.1"
        other.parent.mkdir(parents=True)
        other.write_text("other")
        self.run_tool("install", "/usr", dest)
        manifest = dest / "usr/share/doc/heimnetz/installed-files.txt"
        self.assertIn("/usr/bin/heimnetz", manifest.read_text().split("\n"))
        self.assertNotIn(str(dest), manifest.read_text())
        self.run_tool("uninstall", "/usr", dest)
        self.assertEqual(list(files_below(dest)), ["usr/share/man/man1/other.1"])
        self.assertFalse((dest / "usr/bin").exists())

    def test_install_takes_away_what_an_earlier_one_had_and_this_one_has_not(self):
        prefix = self.folder / "prefix"
        self.run_tool("install", prefix)
        old = prefix / "lib" / "aether" / "old.so"
        old.write_text("")
        manifest = prefix / "share/doc/heimnetz/installed-files.txt"
        manifest.write_text(f"{old}\n{manifest.read_text()}")
        self.run_tool("install", prefix)
        self.assertFalse(old.exists())
        self.run_tool("uninstall", prefix)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_install_leaves_nothing_in_the_checkout(self):
        before = files_below(BUILD / "bin") | files_below(BUILD / "share")
        self.run_tool("install", self.folder / "prefix")
        self.assertEqual(files_below(BUILD / "bin") | files_below(BUILD / "share"), before)
        self.assertFalse((BUILD / "install_manifest.txt").exists())

    @unittest.skipIf(shutil.which("man") is None, "man is not installed")
    def test_the_manual_is_a_page_without_faults(self):
        self.run_tool("install", self.folder / "prefix")
        page = self.folder / "prefix/share/man/man1/heimnetz.1"
        done = subprocess.run(["man", "--warnings", "-l", page], env={**os.environ, "MANWIDTH": "80"},
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("aethercore serve MODEL", done.stdout)


if __name__ == "__main__":
    sys.exit(run_tests())
