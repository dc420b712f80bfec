#!/usr/bin/env python3
"""Anthropic's own client for Python, unmodified. The last line is "N passed, N failed"."""
import unittest

import anthropic

import suite
from models import CHAT, ENV, KEY, MODELS, SLOW, running, wait_until
from server import Server

SAY = [{"role": "user", "content": "say this"}]


def client_of(server, **options):
    return anthropic.Anthropic(base_url=server.url, **{"api_key": KEY, "max_retries": 0, "timeout": 60, **options})


class Anthropic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODELS, env=ENV).__enter__()
        cls.client = client_of(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def ask(self, **options):
        return self.client.messages.create(**{"model": CHAT, "max_tokens": 100, "messages": SAY, **options})

    def test_a_message_is_answered(self):
        answer = self.ask()
        self.assertEqual((answer.type, answer.role, answer.model, answer.stop_reason), ("message", "assistant", CHAT, "end_turn"))
        self.assertEqual([(block.type, block.text) for block in answer.content], [("text", "say this")])
        self.assertGreater(answer.usage.input_tokens, 8)
        self.assertGreater(answer.usage.output_tokens, 8)

    def test_blocks_and_a_system_are_taken(self):
        blocks = [{"type": "text", "text": "say "}, {"type": "text", "text": "that", "cache_control": {"type": "ephemeral"}}]
        for system in ("be brief", [{"type": "text", "text": "be brief"}]):
            answer = self.ask(messages=[{"role": "user", "content": blocks}], system=system, metadata={"user_id": "somebody"})
            self.assertEqual(answer.content[0].text, "say that")

    def test_it_ends_where_it_was_told_to(self):
        answer = self.ask(max_tokens=3)
        self.assertEqual((answer.content[0].text, answer.stop_reason, answer.usage.output_tokens), ("say", "max_tokens", 3))
        answer = self.ask(stop_sequences=["xyz", "th"])
        self.assertEqual((answer.content[0].text, answer.stop_reason, answer.stop_sequence), ("say ", "stop_sequence", "th"))
        events = list(self.ask(stop_sequences=["th"], stream=True))
        self.assertEqual((events[-2].delta.stop_reason, events[-2].delta.stop_sequence), ("stop_sequence", "th"))

    def test_a_stream_puts_the_same_together(self):
        whole = self.ask()
        with self.client.messages.stream(model=CHAT, max_tokens=100, messages=SAY) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(text, "say this")
        self.assertEqual((final.content[0].text, final.stop_reason, final.usage.output_tokens, final.usage.input_tokens),
                         (whole.content[0].text, whole.stop_reason, whole.usage.output_tokens, whole.usage.input_tokens))

    def test_events_come_in_their_order(self):
        kinds = [event.type for event in self.ask(stream=True)]
        self.assertEqual(kinds[:2], ["message_start", "content_block_start"])
        self.assertEqual(kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])
        self.assertEqual(set(kinds[2:-3]), {"content_block_delta"})

    def test_tokens_are_counted_without_an_answer(self):
        counted = self.client.messages.count_tokens(model=CHAT, messages=SAY)
        self.assertEqual(counted.input_tokens, self.ask().usage.input_tokens)

    def test_errors_are_the_clients_own(self):
        wrong = {
            anthropic.NotFoundError: lambda: self.ask(model="nobody"),
            anthropic.BadRequestError: lambda: self.ask(extra_body={"temperature": -1}),
            anthropic.AuthenticationError: lambda: client_of(self.server, api_key="not it").messages.create(
                model=CHAT, max_tokens=1, messages=SAY),
        }
        for kind, ask in wrong.items():
            with self.subTest(kind.__name__), self.assertRaises(kind) as raised:
                ask()
            self.assertEqual(raised.exception.body["type"], "error")
            self.assertTrue(raised.exception.body["error"]["message"])
        with self.assertRaises(anthropic.NotFoundError):
            self.client.messages.count_tokens(model="nobody", messages=SAY)

    def test_a_stream_that_is_closed_stops_the_work(self):
        stream = self.ask(model=SLOW, messages=[{"role": "user", "content": "x" * 500}], max_tokens=5000, stream=True)
        for event in stream:
            if event.type == "content_block_delta":
                break
        wait_until(lambda: running(self.server, SLOW) == 1)
        stream.close()
        wait_until(lambda: running(self.server, SLOW) == 0, 1)


if __name__ == "__main__":
    suite.main()
