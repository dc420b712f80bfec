"""Runs heimnetz as people do: in a pseudo-terminal, in a pipe, against a real aethercore with small models.

Everything that it starts it ends again, by process number; all files lie in a folder of its own.
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

from vt import Screen

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
PATIENCE_S = 30
CUT = re.compile(r"\x1b(?:\[[?0-9;]*)?$")


class Failed(Exception):
    """A run that cannot be judged: it hung, or the stage could not be set."""


class Stage:
    def __init__(self, build):
        self.bin = pathlib.Path(build).resolve() / "bin"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="heimnetz-screens-"))
        self.states = []  # folders whose server is to be ended

    def close(self):
        for state in self.states:
            self.run("down", "--timeout", "5", state=state)
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, state=None, **more):
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR") or k.endswith("SAN_OPTIONS")}
        names = {"LANG": "C.UTF-8", "TERM": "xterm-256color", "TZ": "UTC", "HEIMNETZ_NAME": "heimnetz",
                 "HEIMNETZ_STATE": str(state or self.folder / "nothing"),
                 "AETHERCORE_MODELS__HF_CACHE": "off", "AETHERCORE_HUB__AUTOPULL": "off", "HF_HUB_OFFLINE": "1"}
        return {k: v for k, v in {**kept, **names, **more}.items() if v is not None}

    def models(self, name, *ids, **echoes):
        """A models folder with copies of tests/data, and echo models with the settings given."""
        folder = self.folder / name
        for id in ids:
            source = DATA / "models" / id if (DATA / "models" / id).exists() else DATA / id
            shutil.copytree(source, folder / id)
        for id, settings in echoes.items():
            (folder / id).mkdir(parents=True)
            (folder / id / "echo.json").write_text(json.dumps(settings))
        return folder

    def up(self, name, models, *options):
        """Starts a server; returns its state folder, by which heimnetz finds it."""
        state = self.folder / f"{name}-state"
        self.states.append(state)
        done = self.run("up", "--port", "0", "--models", str(models), *options, state=state)
        if done.code != 0:
            raise Failed(f"the server '{name}' does not start: {done.out}{done.err}")
        return state

    def run(self, *args, state=None, input="", **more):
        """In a pipe."""
        try:
            done = subprocess.run([self.bin / "heimnetz", *args], env=self.environment(state, **more), input=input,
                                  capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired as e:
            raise Failed(f"heimnetz {' '.join(args)} hangs") from e
        return Piped(done.returncode, done.stdout, done.stderr)

    def show(self, *args, columns=80, state=None, until=None, typed=(), **more):
        """In a terminal. until: a function of the screen; once it is true the program is interrupted. typed: lines, each
        typed when the program asks for one."""
        return Terminal(self, args, columns, state, more).play(until, list(typed))


class Piped:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


def echoes(terminal):
    """Does the terminal itself show what is typed? Not while a program edits a line."""
    return termios.tcgetattr(terminal)[3] & termios.ECHO != 0


class Terminal:
    """One program in a pseudo-terminal. We hold its other end open, too: what was written last is not lost when the
    program closes it, and a mark that we write behind it says that all has been read."""
    END = b"\x1c"  # a control character that the screen would not take

    def __init__(self, stage, args, columns, state, more):
        self.screen = Screen(columns)
        self.code = None
        self.args = args
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.process = subprocess.Popen([stage.bin / "heimnetz", *args], stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, env=stage.environment(state, **more), start_new_session=True)
        self.bytes = b""
        self.asked = None  # the row of the prompt that was answered last

    def play(self, until, typed):
        deadline = time.monotonic() + PATIENCE_S
        interrupted = False
        try:
            while self.process.poll() is None:
                self.read(deadline)
                if typed and self.is_asked():
                    os.write(self.master, typed.pop(0).encode() + b"\n")
                if until and until(self.screen):
                    self.process.send_signal(signal.SIGINT)
                    interrupted = True
                    break
            self.code = self.process.wait(timeout=PATIENCE_S)
            os.write(self.slave, self.END)
            while not interrupted and not self.read(deadline):
                pass
        except subprocess.TimeoutExpired as e:
            raise Failed(f"heimnetz {' '.join(self.args)} does not end") from e
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self.master)
            os.close(self.slave)
        return self

    def is_asked(self):
        """There is a prompt with nothing behind it, which is not the one that was answered last, and the program has taken
        over the echo."""
        row = self.screen.row
        new = row != self.asked and "".join(cell[0] for cell in self.screen.rows[row]) in ("> ", ". ") and \
            not echoes(self.slave)
        self.asked = row if new else self.asked
        return new

    def read(self, deadline):
        """True: the mark was read."""
        if time.monotonic() > deadline:
            raise Failed(f"heimnetz {' '.join(self.args)} hangs; on the screen:\n{self.screen.lines()}")
        ready, _, _ = select.select([self.master], [], [], 0.01)
        if not ready:
            return False
        self.bytes += os.read(self.master, 65536)
        ended = self.END in self.bytes
        whole = self.bytes.replace(self.END, b"").decode("utf-8", errors="ignore")
        cut = len(whole.encode()) != len(self.bytes) or CUT.search(whole)  # in the middle of a character or sequence
        if ended or not cut:
            self.screen.feed(whole)
            self.bytes = b""
        return ended


class Fake:
    """A server on loopback that answers what it hears by a function of the bytes; None closes the connection."""

    def __init__(self, answer):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                while heard := self.request.recv(4096):
                    said = answer(heard)
                    if said is None:
                        return
                    self.request.sendall(said)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def http(body, status="200 OK"):
    """What a Fake answers to any request."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda heard: (head + body).encode()


class ClosedPort:
    """A port at which nobody answers, and that nobody else takes meanwhile."""

    def __enter__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def __exit__(self, *_):
        self.socket.close()


def run_tests():
    """unittest over the program's file, counted as tools/test.py reads it. The exit code."""
    result = unittest.main(exit=False, verbosity=1).result
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    for kind, count in (("PASSED", result.testsRun - failed), ("FAILED", failed), ("SKIPPED", skipped)):
        if count:
            print(f"[  {kind:<8}] {count} test(s).")
    return 1 if failed else 0
