#!/usr/bin/env python3
"""heimnetz chat, run and bench against a real aethercore whose models repeat what they are told.

    test_chat.py BUILD     BUILD: build/release, build/asan, …
"""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unittest
import urllib.request

from stage import ClosedPort, Fake, Stage, echoes, http, run_tests

PATIENCE_S = 30
BUILD = None
WORDS = "one two three four five six seven eight nine ten "


class Person:
    """Somebody at a terminal, who types and reads."""

    def __init__(self, test, *args, **more):
        self.test, self.said = test, ""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
        self.process = subprocess.Popen(
            [test.stage.bin / "heimnetz", *args], stdin=slave, stdout=slave, stderr=slave,
            env=test.stage.environment(test.state, **more), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        test.addCleanup(self.leave)

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.said += os.read(self.master, 65536).decode(errors="replace")
            except OSError:  # the other side is closed
                return False
        return True

    def wait_for(self, pattern):
        """Reads until it comes; what came before it and it are taken away. The match."""
        until = time.monotonic() + PATIENCE_S
        while not (match := re.search(pattern, self.plain())):
            if time.monotonic() > until or not self.read(0.05):
                self.test.fail(f"{pattern!r} did not come, but {self.said!r}")
        self.said = self.plain()[match.end():]
        return match

    def plain(self):
        return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]|\r", "", self.said)

    def type(self, text):
        os.write(self.master, text.encode())

    def prompted(self):
        self.wait_for(r"[>.] $")
        while echoes(self.master):
            time.sleep(0.001)

    def ask(self, text, pattern):
        self.prompted()
        self.type(text + "\n")
        self.wait_for(re.escape(text) + "\n")  # the terminal's own echo
        return self.wait_for(pattern)

    def ends(self):
        until = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            self.test.assertLess(time.monotonic(), until, f"it does not end: {self.said!r}")
            self.read(0.05)
        return self.process.returncode

    def leave(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


class Chat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(BUILD)
        cls.addClassCleanup(cls.stage.close)
        cls.models = cls.stage.models("models", "org/parrot", "bert-base-uncased", slow={"generate": 1, "token_us": 4000},
                                      plain={"generate": 1, "plain": 1})
        cls.state = cls.stage.up("chat", cls.models)
        cls.url = json.loads(cls.stage.run("status", "--json", state=cls.state).out)["services"][0]["url"]

    def heimnetz(self, *args, code=0, **more):
        done = self.stage.run(*args, state=self.state, **more)
        self.assertEqual(done.code, code, f"heimnetz {' '.join(args)}\n{done.out}{done.err}")
        return done

    def computes(self, model, wanted, seconds):
        """Does the server make a text with it? Waits until that is as wanted; false: it did not come to that."""
        line = f'aethercore_sched_sequences_running{{model="{model}"}} '
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = urllib.request.urlopen(f"{self.url}/metrics", timeout=20).read().decode()
            if (line + "0" not in text) == wanted:
                return True
            time.sleep(0.01)
        return False

    # --- a pipe ---

    def test_a_pipe_is_one_message_and_its_answer_is_all_that_comes(self):
        done = self.heimnetz("chat", "org/parrot", input="say\tthis\n\nagain\n")
        self.assertEqual((done.out, done.err), ("say\tthis\n\nagain\n", ""))

    def test_what_is_said_first_and_how_long_the_answer_is_are_options(self):
        done = self.heimnetz("chat", "org/parrot", "--max-tokens", "3", "--system", "be brief", input="abcdef")
        self.assertEqual(done.out, "abc\n")
        self.heimnetz("chat", "org/parrot", "--max-tokens", "none", input="x", code=2)

    def test_json_is_the_servers_answer(self):
        done = self.heimnetz("chat", "org/parrot", "--json", input="hello")
        self.assertEqual(json.loads(done.out)["choices"][0]["message"], {"role": "assistant", "content": "hello"})

    def test_a_model_without_a_chat_template_is_warned_of(self):
        done = self.heimnetz("chat", "plain", input="hello")
        self.assertTrue(done.out.endswith("hello\n"), done.out)
        self.assertIn("plain has no chat template", done.err)
        self.assertEqual(self.heimnetz("chat", "org/parrot", input="hello").err, "")

    def test_what_cannot_be_says_why(self):
        self.assertIn("'bert-base-uncased' makes no text", self.heimnetz("chat", "bert-base-uncased", input="x", code=1).err)
        self.assertIn("nobody", self.heimnetz("chat", "nobody", input="x", code=1).err)
        self.assertIn("a message is missing", self.heimnetz("chat", "org/parrot", input=" \n", code=2).err)
        with ClosedPort() as url:
            self.assertIn("nothing answers", self.heimnetz("chat", "org/parrot", "--url", url, input="x", code=3).err)

    # --- a terminal ---

    def test_a_conversation_is_remembered_and_written_down(self):
        person = Person(self, "chat", "org/parrot")
        person.ask("hello", r"hello\n")
        person.ask("/system be kind", r"told this first\n")
        person.ask("one\\", r"(?=\. $)")
        person.ask("two", r"^one\ntwo\n")
        saved = self.stage.folder / "saved.json"
        person.ask(f"/save {saved}", r"4 messages are in .*\n")
        self.assertEqual(json.loads(saved.read_text()), {"model": "org/parrot", "messages": [
            {"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "hello"}, {"role": "user", "content": "one\ntwo"},
            {"role": "assistant", "content": "one\ntwo"}]})
        person.ask("/clear", r"begins anew\n")
        person.ask(f"/save {saved}", r"0 messages are in .*\n")
        person.ask("/exit", r"$")
        self.assertEqual(person.ends(), 0)

    def test_commands_explain_themselves(self):
        person = Person(self, "chat", "org/parrot")
        person.ask("/help", r"/system \[TEXT\].*(?s:.*)Ctrl-C")
        person.ask("/hlep", r"there is no '/hlep'")
        person.ask("//etc", r"/etc\n")
        person.ask("/stats", r"tokens made +5 +5 ")
        person.ask("/save /nonexistent/x", r"/nonexistent")
        person.prompted()
        person.type("\x04")
        self.assertEqual(person.ends(), 0)

    def test_lines_come_back_and_can_be_changed(self):
        person = Person(self, "chat", "org/parrot")
        person.ask("größer", r"größer\n")
        person.prompted()
        person.type("\x1b[A\x7f\x7fe\n")
        person.wait_for(r"\ngröße\n")
        person.prompted()
        person.type("a\tb\t.\n")
        person.wait_for(r"\na    b    \.\n")  # a tab is shown as blanks

    def test_an_interrupt_calls_off_the_answer_and_the_server_stops(self):
        person = Person(self, "chat", "slow")
        person.prompted()
        person.type(WORDS * 30 + "\n")
        self.assertTrue(self.computes("slow", True, PATIENCE_S), "it is not under way")
        person.type("\x03")
        person.wait_for(r"\(called off\)\n")
        self.assertTrue(self.computes("slow", False, 1), "the server goes on")
        person.ask("hello", r"hello\n")
        person.prompted()
        person.type("\x03")
        self.assertEqual(person.ends(), 0)

    # --- run ---

    def test_run_starts_the_server_and_loads_the_model(self):
        with ClosedPort() as url:
            pass
        state = self.stage.folder / "run-state"
        self.stage.states.append(state)
        started = self.stage.run("run", "org/parrot", state=state, input="hello", AETHERCORE_URL=url,
                                 AETHERCORE_MODELS__FOLDER=str(self.models))
        self.assertEqual((started.code, started.out), (0, "hello\n"), started.err)
        self.assertIn(f"aethercore is up: {url}", started.err)
        again = self.stage.run("run", "org/parrot", state=state, input="hello", AETHERCORE_URL=url)
        self.assertEqual((again.code, again.out, again.err), (0, "hello\n", ""))

    def test_run_says_what_is_not_a_model(self):
        self.heimnetz("run", "org/parrot:", input="x", code=2)
        self.assertEqual(self.heimnetz("run", "org/parrot:Q4", input="hello").out, "hello\n")  # it runs: nothing is fetched
        self.assertIn("org/none", self.heimnetz("run", "org/none", input="x", code=1).err)

    # --- bench ---

    def bench(self, *args, **more):
        return json.loads(self.heimnetz("bench", *args, "--json", **more).out)

    def test_bench_measures_a_closed_loop(self):
        found = self.bench("slow", "--concurrency", "4", "--requests", "8", "--max-tokens", "5", "--prompt-tokens", "3")
        self.assertEqual((found["done"], found["failed"], found["running_max"]), (8, 0, 4))
        self.assertEqual(found["tokens"]["made"], 40)
        self.assertGreaterEqual(found["between_ms"]["p50"], 4)  # a token takes that long
        self.assertGreaterEqual(found["whole_ms"]["p50"], found["first_ms"]["p50"] + 4 * 4)
        self.assertGreater(found["tokens_s"], 0)

    def test_bench_measures_an_open_loop(self):
        found = self.bench("org/parrot", "--rate", "100", "--requests", "50", "--max-tokens", "4")
        self.assertEqual((found["done"], found["failed"]), (50, 0))
        self.assertGreater(found["total_ms"], 200)  # 50 requests at 100 a second are not sent at once

    def test_bench_takes_any_server_and_counts_what_fails(self):
        found = self.bench(self.url + "/v1", "--model", "org/parrot", "--requests", "3")
        self.assertEqual((found["server"], found["done"]), (self.url, 3))
        fake = Fake(http('{"error":{"message":"no room"}}', "429 Too Many Requests"))
        self.addCleanup(fake.close)
        failed = self.bench(f"http://{fake.address}", "--model", "x", "--requests", "3", code=4)
        self.assertEqual(failed["errors"], [{"count": 3, "message": "HTTP 429: no room"}])
        with ClosedPort() as url:
            nobody = self.bench(url, "--model", "x", "--requests", "2", code=3)
            self.assertEqual(nobody["failed"], 2)
            self.assertIn("nothing answers", self.heimnetz("bench", url, code=3).err)

    def test_bench_sends_a_text_of_ones_own(self):
        prompt = self.stage.folder / "prompt.txt"
        prompt.write_text("abcdefgh\n")
        found = self.bench("org/parrot", "--prompt", str(prompt), "--requests", "2")
        self.assertEqual(found["tokens"]["made"], 2 * 9)  # the text and its end
        self.heimnetz("bench", "org/parrot", "--prompt", str(prompt), "--prompt-tokens", "3", code=2)
        self.heimnetz("bench", "org/parrot", "--rate", "1", "--concurrency", "3", code=2)
        self.heimnetz("bench", "org/parrot", "--rate", "soon", code=2)

    def test_bench_that_is_interrupted_tells_what_it_has(self):
        person = Person(self, "bench", "org/parrot", "--rate", "20", "--requests", "10000")
        person.wait_for(r"[1-9]\d* of 10000 requests")
        person.type("\x03")
        person.wait_for(r"requests +[1-9]\d* done, 0 failed, then interrupted")
        self.assertEqual(person.ends(), 0)


def main():
    global BUILD
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    BUILD = sys.argv.pop(1)
    return run_tests()


if __name__ == "__main__":
    sys.exit(main())
