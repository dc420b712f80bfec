#!/usr/bin/env python3
"""OpenAI's own client for Python and its responses, unmodified. The last line is "N passed, N failed"."""
import json
import unittest

import openai

import suite
from models import CHAT, ENV, KEY, MODELS, SLOW, running, wait_until
from server import Server

LOOK = {"type": "function", "name": "look", "strict": True, "description": "looks",
        "parameters": {"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"],
                       "additionalProperties": False}}
CALL = '<tool_call>{"name": "look", "arguments": {"at": 3}}</tool_call>'


class Responses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({name: MODELS[name] for name in (CHAT, SLOW)}, env=ENV).__enter__()
        cls.responses = openai.OpenAI(base_url=cls.server.url + "/v1", api_key=KEY, max_retries=0, timeout=60).responses

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_a_response_has_a_text_and_usage_and_is_found_again(self):
        made = self.responses.create(model=CHAT, input="say this", instructions="be brief", metadata={"a": "b"})
        self.assertEqual((made.object, made.status, made.output_text), ("response", "completed", "say this"))
        self.assertEqual(made.usage.total_tokens, made.usage.input_tokens + made.usage.output_tokens)
        self.assertEqual((made.instructions, made.metadata, made.store), ("be brief", {"a": "b"}, True))
        self.assertEqual(self.responses.retrieve(made.id), made)
        self.responses.delete(made.id)
        with self.assertRaises(openai.NotFoundError):
            self.responses.retrieve(made.id)

    def test_a_conversation_goes_on_by_the_id_of_its_last_response(self):
        first = self.responses.create(model=CHAT, input="one")
        second = self.responses.create(model=CHAT, input="two", previous_response_id=first.id)
        self.assertEqual((second.output_text, second.previous_response_id), ("two", first.id))
        self.assertGreaterEqual(second.usage.input_tokens, len("oneonetwo"))
        with self.assertRaises(openai.NotFoundError) as missing:
            self.responses.create(model=CHAT, input="x", previous_response_id="resp_nobody")
        self.assertEqual(missing.exception.param, "previous_response_id")

    def test_input_items_come_in_pages(self):
        said = [{"role": "user" if i % 2 == 0 else "assistant", "content": f"number {i}"} for i in range(7)]
        made = self.responses.create(model=CHAT, input=said)
        listed = list(self.responses.input_items.list(made.id, order="asc", limit=3))
        self.assertEqual([item.content[0].text for item in listed], [f"number {i}" for i in range(7)])

    def test_tokens_are_counted_without_an_answer(self):
        counted = self.responses.input_tokens.count(model=CHAT, input="say this").input_tokens
        self.assertEqual(self.responses.create(model=CHAT, input="say this").usage.input_tokens, counted)

    def test_a_stream_ends_with_the_response_that_it_told(self):
        with self.responses.stream(model=CHAT, input="say this") as stream:
            events = list(stream)
            final = stream.get_final_response()
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual([events[0].type, events[-1].type], ["response.created", "response.completed"])
        told = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        self.assertEqual((told, final.output_text), ("say this", "say this"))
        self.assertEqual(self.responses.retrieve(final.id).output_text, "say this")

    def test_calls_of_functions_are_told_whole_and_streamed(self):
        made = self.responses.create(model=CHAT, input=CALL, tools=[LOOK])
        call = made.output[0]
        self.assertEqual((call.type, call.name, json.loads(call.arguments)), ("function_call", "look", {"at": 3}))
        after = self.responses.create(
            model=CHAT, previous_response_id=made.id, tools=[LOOK],
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "seen"},
                   {"role": "user", "content": "go on"}])
        self.assertEqual(after.output_text, "go on")
        events = list(self.responses.create(model=CHAT, input=CALL, tools=[LOOK], stream=True))
        told = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
        self.assertEqual(json.loads(told), {"at": 3})
        self.assertEqual(events[-1].response.output[0].name, "look")

    def test_a_form_is_kept_and_a_limit_is_incomplete(self):
        form = {"format": {"type": "json_schema", "name": "seven", "schema": {"const": 7}}}
        self.assertEqual(self.responses.create(model=CHAT, input="{}", text=form).output_text, "7")
        cut = self.responses.create(model=CHAT, input="hello world", max_output_tokens=5)
        self.assertEqual((cut.status, cut.incomplete_details.reason, cut.output_text),
                         ("incomplete", "max_output_tokens", "hello"))

    def test_a_client_that_leaves_ends_its_text(self):
        stream = self.responses.create(model=SLOW, input="x" * 2000, stream=True)
        next(event for event in stream if event.type == "response.output_text.delta")
        stream.close()
        wait_until(lambda: running(self.server, SLOW) == 0)


suite.main()
