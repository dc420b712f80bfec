#!/usr/bin/env python3
"""Ollama's own client for Python, unmodified. The last line is "N passed, N failed"."""
import datetime
import unittest

import ollama

import suite
from models import CHAT, EMBED, ENV, KEY, MODELS, SLOW, cosine, running, wait_until
from server import Hub, ROOT, Server

SAY = [{"role": "user", "content": "say this"}]
TINY = ROOT / "tests/data/tiny-bert"


def client_of(server):
    return ollama.Client(server.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)


class Ollama(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODELS, env=ENV).__enter__()
        cls.client = client_of(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    # --- models ---

    def test_models_are_listed_with_a_tag(self):
        listed = self.client.list().models
        self.assertEqual({model.model for model in listed}, {name + ":latest" for name in MODELS})
        for model in listed:
            self.assertIsInstance(model.modified_at, datetime.datetime)

    def test_a_model_is_shown(self):
        self.client.generate(CHAT, "")
        self.client.embed(EMBED, "")
        chat, embed = self.client.show(CHAT), self.client.show(EMBED + ":latest")
        self.assertIn("completion", chat.capabilities)
        self.assertEqual(embed.capabilities, ["embedding"])
        self.assertEqual(embed.modelinfo["general.embedding_length"], 384)

    def test_an_empty_prompt_loads_and_keep_alive_0_unloads(self):
        loaded = lambda: {model.model for model in self.client.ps().models}
        for empty in (lambda **o: self.client.generate(SLOW, **o), lambda **o: self.client.chat(SLOW, [], **o)):
            answer = empty()
            self.assertEqual((answer.done, answer.done_reason), (True, "load"))
            self.assertIn(SLOW + ":latest", loaded())
            answer = empty(keep_alive=0)
            self.assertEqual((answer.done, answer.done_reason), (True, "unload"))
            wait_until(lambda: SLOW + ":latest" not in loaded())

    # --- texts ---

    def test_a_chat_is_answered(self):
        answer = self.client.chat(CHAT, SAY)
        self.assertEqual((answer.message.role, answer.message.content), ("assistant", "say this"))
        self.assertEqual((answer.done, answer.done_reason, answer.model), (True, "stop", CHAT))
        self.assertGreater(answer.prompt_eval_count, 8)
        self.assertGreater(answer.eval_count, 8)
        self.assertGreaterEqual(answer.total_duration, answer.prompt_eval_duration + answer.eval_duration)

    def test_a_streamed_chat_says_the_same(self):
        parts = list(self.client.chat(CHAT, SAY, stream=True))
        self.assertEqual("".join(part.message.content for part in parts), "say this")
        self.assertEqual([part.done for part in parts], [False] * (len(parts) - 1) + [True])
        self.assertGreater(parts[-1].eval_count, 0)

    def test_a_prompt_is_gone_on_with(self):
        self.assertEqual(self.client.generate(CHAT, "hello").response, "hello")
        self.assertEqual(self.client.generate(CHAT, "hello", raw=True).response, "hello")
        self.assertEqual(self.client.generate(CHAT, "hello", system="be brief").response, "hello")
        self.assertEqual("".join(part.response for part in self.client.generate(CHAT, "hello", stream=True)), "hello")

    def test_options_say_how(self):
        answer = self.client.generate(CHAT, "hello", options={"num_predict": 3})
        self.assertEqual((answer.response, answer.done_reason, answer.eval_count), ("hel", "length", 3))
        self.assertEqual(self.client.generate(CHAT, "hello", options={"stop": ["l"]}).response, "he")
        self.assertEqual(self.client.generate(CHAT, "hello", options={"num_predict": -1, "num_ctx": 4096, "seed": 1, "top_k": 40,
                                                                      "mirostat": 0, "temperature": 0.0}).response, "hello")

    def test_names_with_and_without_a_tag_are_one_model(self):
        self.assertEqual(self.client.generate(CHAT + ":latest", "hello").response, "hello")

    def test_thinking_may_be_asked_for(self):
        self.assertEqual(self.client.chat(CHAT, SAY, think=False).message.content, "say this")
        self.assertEqual(self.client.generate(CHAT, "hello", think=True).response, "hello")

    def test_keep_alive_of_any_kind_is_taken(self):
        for keep in ("5m", -1, 300, "1h30m", "-1s"):
            self.assertEqual(self.client.generate(CHAT, "hello", keep_alive=keep).response, "hello")
        with self.assertRaises(ollama.ResponseError) as raised:
            self.client.generate(CHAT, "hello", keep_alive="a while")
        self.assertEqual(raised.exception.status_code, 400)

    # --- vectors ---

    def test_texts_become_vectors(self):
        one, many = self.client.embed(EMBED, "a cat"), self.client.embed(EMBED, ["a cat", "tax law"])
        self.assertEqual([len(many.embeddings), len(many.embeddings[0])], [2, 384])
        self.assertGreater(cosine(one.embeddings[0], many.embeddings[0]), 0.9999)
        self.assertGreater(many.prompt_eval_count, 0)
        self.assertGreater(many.total_duration, 0)
        old = self.client.embeddings(EMBED, "a cat")
        self.assertGreater(cosine(old.embedding, one.embeddings[0]), 0.9999)
        self.assertEqual(len(self.client.embed(EMBED, "a cat", dimensions=64).embeddings[0]), 64)

    # --- what is wrong ---

    def test_errors_are_the_clients_own(self):
        for ask, status in ((lambda: self.client.chat("nobody", SAY), 404), (lambda: self.client.show("nobody"), 404),
                            (lambda: list(self.client.chat("nobody", SAY, stream=True)), 404),
                            (lambda: self.client.delete("nobody"), 404), (lambda: self.client.copy("nobody", "other"), 404),
                            (lambda: self.client.chat(CHAT, SAY, options={"temperature": -1}), 400),
                            (lambda: self.client.push(CHAT), 501)):
            with self.assertRaises(ollama.ResponseError) as raised:
                ask()
            self.assertEqual(raised.exception.status_code, status, raised.exception.error)
            self.assertTrue(raised.exception.error)
        status, _, answer = self.server.call("GET", "/api/tags")
        self.assertEqual((status, list(answer)), (401, ["error"]))

    def test_a_stream_that_is_left_stops_the_work(self):
        stream = self.client.chat(SLOW, [{"role": "user", "content": "x" * 500}], stream=True)
        next(stream)
        wait_until(lambda: running(self.server, SLOW) == 1)
        stream.close()
        wait_until(lambda: running(self.server, SLOW) == 0, 1)

    def test_it_says_that_it_runs(self):
        self.assertEqual(self.server.call("GET", "/")[2], "Ollama is running")
        self.assertEqual(self.server.call("HEAD", "/")[0], 200)
        self.assertRegex(self.server.call("GET", "/api/version")[2]["version"], r"^\d+\.\d+\.\d+")


class Library(unittest.TestCase):
    """What changes which models there are."""

    def test_a_model_is_pulled_copied_and_deleted(self):
        with Hub({"org/tiny": TINY}) as hub, Server({"org/own": {"generate": 1}}, env={**ENV, **hub.env}) as server:
            client = client_of(server)
            names = lambda: {model.model for model in client.list().models}
            told = list(client.pull("org/tiny", stream=True))
            self.assertEqual(told[-1].status, "success")
            bytes_ = [part.completed for part in told if part.total]
            self.assertEqual(bytes_, sorted(bytes_))
            self.assertIn("org/tiny:latest", names())
            self.assertEqual(client.pull("org/tiny").status, "success")  # it is here
            self.assertEqual(len(client.embed("org/tiny", "a cat").embeddings), 1)
            client.copy("org/tiny", "mine")
            self.assertIn("mine:latest", names())
            self.assertEqual(client.embed("mine", "a cat").embeddings, client.embed("org/tiny", "a cat").embeddings)
            self.assertEqual(client.delete("org/tiny").status, "success")
            self.assertEqual(names(), {"mine:latest", "org/own:latest"})
            self.assertEqual(len(client.embed("mine", "a cat").embeddings), 1)  # a copy stands alone
            client.delete("mine:latest")
            self.assertEqual(names(), {"org/own:latest"})
            with self.assertRaises(ollama.ResponseError) as raised:
                client.copy("org/own", "../out")
            self.assertEqual(raised.exception.status_code, 400)
            with self.assertRaises(ollama.ResponseError) as raised:
                client.pull("org/nobody")
            self.assertIn("org/nobody", raised.exception.error)

    def test_a_copy_does_not_take_the_place_of_another(self):
        with Server({"a": {"generate": 1}, "b": {"generate": 1}}, env=ENV) as server:
            with self.assertRaises(ollama.ResponseError) as raised:
                client_of(server).copy("a", "b")
            self.assertEqual(raised.exception.status_code, 409)


if __name__ == "__main__":
    suite.main()
