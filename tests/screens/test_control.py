#!/usr/bin/env python3
"""heimnetz up, down, restart, logs, completions against real processes.

    test_control.py BUILD     BUILD: build/release, build/asan, …
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from stage import ClosedPort, Fake, Stage, http, run_tests

PATIENCE_S = 30
BUILD = None


def wait_for(what, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = what()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("what was waited for did not come")


def stat_of(pid):
    """Fields of /proc/<pid>/stat behind the name; None: there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return None


def lives(pid):
    fields = stat_of(pid)
    return fields is not None and fields[0] != "Z"


class Control(unittest.TestCase):
    def setUp(self):
        self.stage = Stage(BUILD)
        self.state = self.stage.folder / "state"
        self.stage.states.append(self.state)
        self.addCleanup(self.stage.close)
        closed = ClosedPort()
        self.nowhere = closed.__enter__()  # the usual address may be another server's
        self.addCleanup(closed.__exit__)
        self.models = self.stage.models("models", echo={}, other={}, slow={"delay_ms": 700})

    def heimnetz(self, *args, code=0, **more):
        done = self.stage.run(*args, state=self.state, **more)
        self.assertEqual(done.code, code, f"heimnetz {' '.join(args)}\n{done.out}{done.err}")
        return done

    def up(self, *args, **more):
        return self.heimnetz("up", "--port", "0", "--models", str(self.models), *args, **more)

    def record(self):
        """(pid, the rest) of the pid file."""
        first, rest = (self.state / "aethercore.pid").read_text().split("\n", 1)
        return int(first), json.loads(rest)

    def ask(self, model, **more):
        """POST /serve in a thread; [status] once it has come."""
        found = []
        body = json.dumps({"model": model, "inputs": {"tensors": [
            {"name": "input_ids", "dtype": "int32", "shape": [1, 1], "data": [7]}]}, "task": "raw", **more}).encode()

        def run():
            try:
                with urllib.request.urlopen(self.record()[1]["url"] + "/serve", body, timeout=PATIENCE_S) as reply:
                    found.append(reply.status)
            except OSError as e:
                found.append(e)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return found

    def busy(self):
        """Has a question come in? Needs log.level=debug."""
        return 'path="/serve"' in (self.state / "aethercore.log").read_text()

    # --- up ---

    def test_up_returns_when_the_server_is_ready_and_says_where(self):
        done = self.up()
        pid, record = self.record()
        self.assertIn(f"aethercore is up: {record['url']}", done.out)
        self.assertIn(f"process {pid}", done.out)
        with urllib.request.urlopen(record["url"] + "/health/ready", timeout=PATIENCE_S) as reply:
            self.assertEqual(reply.status, 200)
        self.assertIn("ok", self.heimnetz("status").out)  # finds it without being told where it is

    def test_up_starts_it_apart_from_the_terminal(self):
        self.up()
        pid, _ = self.record()
        fields = stat_of(pid)
        self.assertEqual(int(fields[3]), pid, "a session of its own")
        self.assertEqual(int(fields[4]), 0, "no terminal")
        files = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        self.assertEqual(files[0], "/dev/null")
        self.assertEqual(files[1], str(self.state / "aethercore.log"))
        self.assertEqual(files[2], str(self.state / "aethercore.log"))
        self.assertFalse([f for f in files.values() if "pipe" in f and f in os.listdir("/proc/self/fd")])
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")

    def test_up_twice_is_up_once(self):
        self.up()
        pid, _ = self.record()
        self.assertIn("runs already", self.heimnetz("up").out)
        self.assertIn("runs already", self.up().out)  # the same options once more
        self.assertEqual(self.record()[0], pid)

    def test_up_with_other_options_does_not_touch_what_runs(self):
        self.up()
        pid, _ = self.record()
        done = self.heimnetz("up", "--set", "log.level=debug", code=1)
        self.assertIn("restart", done.err)
        self.assertEqual(self.record()[0], pid)

    def test_up_from_many_places_at_once_starts_one(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        done = []
        threads = [threading.Thread(target=lambda: done.append(self.stage.run(
            "up", "--port", str(port), "--models", str(self.models), "--json", state=self.state))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([d.code for d in done], [0] * 5, [d.out for d in done])
        services = [json.loads(d.out)["services"][0] for d in done]
        self.assertEqual(len({s["pid"] for s in services}), 1)
        self.assertEqual(sorted(s["state"] for s in services), ["running"] * 4 + ["started"])

    def test_up_names_who_holds_the_port(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            done = self.heimnetz("up", "--port", str(port), "--models", str(self.models), code=1)
        self.assertIn(f"port {port} is taken by", done.err)
        self.assertIn(f"(process {os.getpid()})", done.err)
        self.assertIn("--port", done.err)

    def test_up_says_why_a_start_failed(self):
        done = self.up("--set", "nonsense=1", code=1)
        self.assertIn("unknown key 'nonsense'", done.err)
        self.assertFalse((self.state / "aethercore.pid").exists())
        done = self.up("--host", "203.0.113.1", "--set", "insecure_open=true", code=1)
        self.assertIn("203.0.113.1", done.err)

    def test_up_leaves_nothing_running_that_it_could_not_write_down(self):
        (self.state / "aethercore.pid").mkdir(parents=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        done = self.heimnetz("up", "--port", str(port), "--models", str(self.models), code=1)
        self.assertIn("aethercore.pid cannot be written", done.err)
        self.assertFalse((self.state / "aethercore.pid.new").exists())
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()

    def test_up_does_not_believe_a_stale_pid_file(self):
        self.up()
        pid, record = self.record()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not lives(pid))
        self.assertIn("is up", self.up().out)
        self.heimnetz("down")
        # A number that was given out again: the process is there, but it is another one.
        record.update(pid=os.getpid())
        (self.state / "aethercore.pid").write_text(f"{os.getpid()}\n{json.dumps(record)}\n")
        self.assertIn("does not run", self.heimnetz("down", "--url", self.nowhere).out)
        (self.state / "aethercore.pid").write_text("rubbish\n{")
        self.assertIn("is up", self.up().out)

    def test_up_takes_models_relative_to_where_it_was_typed(self):
        done = self.stage.run("up", "--port", "0", "--models", os.path.relpath(self.models), state=self.state)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn(str(self.models), self.record()[1]["arguments"])
        self.assertIn("'nowhere' is not there", self.heimnetz("up", "--models", "nowhere", code=1).err)

    # --- down ---

    def test_down_waits_for_what_is_under_way(self):
        self.up("--set", "log.level=debug")
        self.heimnetz("aethercore", "load", "slow")
        pid, _ = self.record()
        found = self.ask("slow")
        wait_for(self.busy)
        done = self.heimnetz("down")
        self.assertIn("is down", done.out)
        self.assertFalse(lives(pid))
        wait_for(lambda: found)
        self.assertEqual(found, [200])
        self.assertIn("event=server.drain requests=1", self.heimnetz("logs").out)
        self.assertIn("does not run", self.heimnetz("down", "--url", self.nowhere).out)

    def test_down_kills_after_the_limit_and_says_so(self):
        (self.models / "stuck").mkdir()
        (self.models / "stuck" / "echo.json").write_text('{"delay_ms": 60000}')
        self.up("--set", "server.drain=1m", "--set", "log.level=debug")
        self.heimnetz("aethercore", "load", "stuck")
        pid, _ = self.record()
        self.ask("stuck")
        wait_for(self.busy)
        done = self.heimnetz("down", "--timeout", "1")
        self.assertIn("was killed", done.out)
        self.assertFalse(lives(pid))

    def test_down_leaves_alone_what_it_did_not_start(self):
        self.up()
        pid, record = self.record()
        os.rename(self.state / "aethercore.pid", self.state / "kept")
        self.addCleanup(os.rename, self.state / "kept", self.state / "aethercore.pid")  # ended like the others
        done = self.heimnetz("down", "--url", record["url"], code=1)
        self.assertIn("was not started by", done.err)
        self.assertIn(str(pid), done.err)
        self.assertTrue(lives(pid))
        port = record["url"].rsplit(":", 1)[1]
        done = self.heimnetz("up", "--port", port)
        self.assertIn("started by somebody else", done.out)

    # --- restart ---

    def test_restart_brings_back_models_and_options(self):
        self.up("--set", "log.level=debug")
        before, _ = self.record()
        self.heimnetz("aethercore", "load", "echo")
        self.heimnetz("aethercore", "load", "other")
        done = self.heimnetz("restart", "--set", "log.level=warn", "--set", "models.max=50")
        after, record = self.record()
        self.assertNotEqual(before, after)
        self.assertIn("echo is loaded again", done.out)
        self.assertEqual(record["arguments"][:4], ["--port", "0", "--models", str(self.models)])
        self.assertEqual(record["arguments"][4:], ["--set", "log.level=warn", "--set", "models.max=50"])
        models = json.loads(self.heimnetz("aethercore", "models", "--json").out)["models"]
        self.assertEqual({m["id"]: m["state"] for m in models},
                         {"echo": "ready", "other": "ready", "slow": "available"})

    def test_restart_with_what_is_wrong_leaves_it_running_as_it_was(self):
        self.up()
        self.heimnetz("aethercore", "load", "echo")
        pid, before = self.record()
        self.assertIn("is not there", self.heimnetz("restart", "--models", "/no/such/folder", code=1).err)
        self.assertEqual(self.record()[0], pid, "nothing was ended for it")
        for wrong in (["--set", "no.such=1"], ["--host", "0.0.0.0"]):
            done = self.heimnetz("restart", *wrong, code=1)
            self.assertIn("it runs as before: with the new options aethercore did not start", " ".join(done.err.split()))
            self.assertIn("echo is loaded again", done.out)
            self.assertEqual(self.record()[1]["arguments"], before["arguments"])

    def test_restart_of_what_has_crashed_starts_it_as_before(self):
        self.up("--set", "models.max=50")
        pid, record = self.record()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not lives(pid))
        self.heimnetz("restart")
        self.assertEqual(self.record()[1]["arguments"], record["arguments"])

    def test_restart_keeps_the_key_whoever_restarts_it(self):
        self.up(HEIMNETZ_API_KEY="a-key-that-is-long-enough")
        self.heimnetz("aethercore", "models", code=1)
        self.heimnetz("aethercore", "load", "echo", HEIMNETZ_API_KEY="a-key-that-is-long-enough")
        self.assertIn("echo is loaded again", self.heimnetz("restart").out)
        self.heimnetz("aethercore", "models", code=1)
        self.heimnetz("restart", HEIMNETZ_API_KEY="another-key-that-is-long", code=1)  # not its key: nothing is lost
        self.heimnetz("aethercore", "models", HEIMNETZ_API_KEY="a-key-that-is-long-enough")

    def test_restart_reads_the_key_file_that_the_server_reads(self):
        key = self.stage.folder / "key"
        key.write_text("a-key-that-is-long-enough\n")
        key.chmod(0o600)
        self.up("--api-key-file", str(key))
        self.assertIn("no access", self.heimnetz("status", code=1).out)
        self.heimnetz("aethercore", "load", "echo", HEIMNETZ_API_KEY="a-key-that-is-long-enough")
        self.assertIn("echo is loaded again", self.heimnetz("restart").out)
        self.heimnetz("aethercore", "models", code=1)

    # --- logs ---

    def test_logs_end_with_the_last_line_and_follow_what_comes(self):
        self.assertIn("no log yet", self.heimnetz("logs", code=1).err)
        self.up()
        self.assertIn("event=server.ready", self.heimnetz("logs").out)
        self.assertEqual(len(self.heimnetz("logs", "-n", "1").out.splitlines()), 1)
        line = json.loads(self.heimnetz("logs", "-n", "1", "--json").out)
        self.assertEqual(line["event"], "server.ready")
        process = subprocess.Popen([self.stage.bin / "heimnetz", "logs", "-f", "-n", "1"], stdout=subprocess.PIPE,
                                   text=True, env=self.stage.environment(self.state))
        try:
            self.assertIn("server.ready", process.stdout.readline())
            self.heimnetz("aethercore", "load", "echo")
            self.assertIn("model.loading", process.stdout.readline())
            log = self.state / "aethercore.log"
            log.rename(self.state / "aethercore.log.1")
            log.write_text("time=2026-01-01T00:00:00.000Z level=info event=fresh\n")
            wait_for(lambda: "fresh" in process.stdout.readline())
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_a_log_that_has_grown_too_long_is_put_aside_at_the_start(self):
        self.state.mkdir()
        (self.state / "aethercore.log").write_text("x" * 79 + "\n" + "y" * (11 << 20))
        self.up()
        self.assertTrue((self.state / "aethercore.log.1").exists())
        self.assertLess((self.state / "aethercore.log").stat().st_size, 1 << 20)

    # --- completions ---

    def complete(self, shell_script, **more):
        env = {**self.stage.environment(self.state, **more), "PATH": f"{self.stage.bin}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", shell_script], env=env, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def bash(self, *words, **more):
        quoted = " ".join(f"'{w}'" for w in words)
        return self.complete(f"source <(heimnetz completions bash); COMP_WORDS=(heimnetz {quoted}); "
                             f"COMP_CWORD={len(words)}; _heimnetz heimnetz; printf '%s\\n' \"${{COMPREPLY[@]}}\"", **more)

    def test_completions_know_commands_options_and_the_models_of_the_server(self):
        self.assertEqual(self.bash("aethercore", "un"), ["unload"])
        self.assertEqual(self.bash("res"), ["restart"])
        self.assertIn("--top-k", self.bash("aethercore", "serve", "m", "--t"))
        self.assertNotIn("--top-k", self.bash("status", "--t"))
        self.assertEqual(self.bash("aethercore", "load", "", AETHERCORE_URL=self.nowhere), [])  # silence
        self.up()
        self.assertEqual(self.bash("aethercore", "load", ""), ["echo", "other", "slow"])
        self.assertEqual(self.bash("--json", "aethercore", "serve", "--text", "a", "sl"), ["slow"])
        self.assertEqual(self.bash("aethercore", "serve", "slow", "--task", "em"), ["embed"])
        self.assertEqual(self.bash("help", "system", ""), ["health", "services"])

    def test_completions_offer_nothing_that_a_shell_would_act_upon(self):
        ids = ["$(reboot)", "`reboot`", "a;b", "a b", "a\nb", "'a'", "*", "a\\", "-rf", "\033[31m", "", "org/na-me_1.0"]
        fake = Fake(http(json.dumps({"models": [{"id": i, "state": "\033[31m"} for i in ids]})))
        self.addCleanup(fake.close)
        self.assertEqual(self.bash("aethercore", "load", "", AETHERCORE_URL=f"http://{fake.address}"), ["org/na-me_1.0"])
        done = self.heimnetz("__complete", "--", "aethercore", "load", "", AETHERCORE_URL=f"http://{fake.address}")
        self.assertEqual(done.out, "org/na-me_1.0\tmodel\n")

    def test_completions_scripts_are_read_by_their_shells(self):
        for shell, options in (("zsh", ["-n"]), ("fish", ["--no-execute"])):
            with self.subTest(shell=shell):
                script = self.heimnetz("completions", shell).out
                if shutil.which(shell) is None:
                    self.skipTest(f"{shell} is not installed")
                path = self.stage.folder / shell
                path.write_text(script)
                done = subprocess.run([shell, *options, path], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


def main():
    global BUILD
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BUILD = sys.argv.pop(1)
    return run_tests()


if __name__ == "__main__":
    sys.exit(main())
