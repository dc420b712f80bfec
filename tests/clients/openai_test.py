#!/usr/bin/env python3
"""OpenAI's own client for Python, unmodified. The last line is "N passed, N failed"."""
import concurrent.futures
import time
import unittest

import openai

import suite
from models import CHAT, CLASSIFY, EMBED, ENV, KEY, MODELS, SLOW, cosine, running, wait_until
from server import Server

SAY = [{"role": "user", "content": "say this"}]


def client_of(server, **options):
    return openai.OpenAI(base_url=server.url + "/v1", **{"api_key": KEY, "max_retries": 0, "timeout": 60, **options})


class OpenAI(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(MODELS, env=ENV).__enter__()
        cls.client = client_of(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    # --- models ---

    def test_models_are_listed_and_found_though_an_id_has_slashes(self):
        listed = {model.id: model for model in self.client.models.list()}
        self.assertEqual(set(listed), set(MODELS))
        for name in (CHAT, EMBED):
            model = self.client.models.retrieve(name)
            self.assertEqual((model.id, model.object), (name, "model"))
        with self.assertRaises(openai.NotFoundError) as missing:
            self.client.models.retrieve("org/nobody")
        self.assertIn("org/nobody", missing.exception.message)

    # --- chat ---

    def chat(self, **options):
        return self.client.chat.completions.create(**{"model": CHAT, "messages": SAY, **options})

    def test_a_chat_is_answered_with_usage(self):
        answer = self.chat()
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual(answer.choices[0].message.content, "say this")
        self.assertEqual((answer.choices[0].message.role, answer.choices[0].finish_reason), ("assistant", "stop"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        self.assertGreater(answer.usage.prompt_tokens, len("say this"))
        self.assertLess(abs(answer.created - time.time()), 60)

    def test_content_comes_as_parts_and_the_system_as_developer(self):
        answer = self.chat(messages=[{"role": "developer", "content": "be brief"},
                                     {"role": "user", "content": [{"type": "text", "text": "say"}, {"type": "text", "text": "that"}]}])
        self.assertEqual(answer.choices[0].message.content, "say\nthat")

    def test_a_streamed_chat_says_the_same(self):
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        self.assertEqual(len({(chunk.id, chunk.created) for chunk in chunks}), 1)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), "say this")
        self.assertEqual([chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1], "stop")
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage, self.chat().usage.model_copy(update={"prompt_tokens_details": chunks[-1].usage.prompt_tokens_details}))
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))

    def test_usage_is_not_told_unless_it_was_asked_for(self):
        self.assertTrue(all(chunk.usage is None and chunk.choices for chunk in self.chat(stream=True)))

    def test_the_helper_for_streams_puts_the_pieces_together(self):
        with self.client.chat.completions.stream(model=CHAT, messages=SAY) as stream:
            final = stream.get_final_completion()
        self.assertEqual((final.choices[0].message.content, final.choices[0].finish_reason), ("say this", "stop"))

    def test_it_stops_where_it_was_told_to(self):
        self.assertEqual(self.chat(stop="th").choices[0].message.content, "say ")
        self.assertEqual(self.chat(stop=["is", "y t"]).choices[0].message.content, "sa")
        self.assertEqual(self.chat(stop="th").choices[0].finish_reason, "stop")
        for name in ("max_tokens", "max_completion_tokens"):
            answer = self.chat(**{name: 3})
            self.assertEqual((answer.choices[0].message.content, answer.choices[0].finish_reason), ("say", "length"))
            self.assertEqual(answer.usage.completion_tokens, 3)

    def test_several_choices_are_told_apart(self):
        answer = self.chat(n=3, seed=7, temperature=0.5)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        self.assertEqual({choice.message.content for choice in answer.choices}, {"say this"})
        heard = {}
        for chunk in self.chat(n=3, stream=True):
            for choice in chunk.choices:
                heard[choice.index] = heard.get(choice.index, "") + (choice.delta.content or "")
        self.assertEqual(heard, {0: "say this", 1: "say this", 2: "say this"})

    def test_logprobs_tell_each_token_and_its_rivals(self):
        tokens = self.chat(logprobs=True, top_logprobs=2).choices[0].logprobs.content
        self.assertEqual(b"".join(bytes(token.bytes) for token in tokens[:8]), b"say this")
        for token in tokens:
            self.assertLessEqual(token.logprob, 0)
            self.assertEqual(len(token.top_logprobs), 2)
            self.assertEqual(token.top_logprobs[0].logprob, token.logprob)
            self.assertGreaterEqual(token.top_logprobs[0].logprob, token.top_logprobs[1].logprob)
        streamed = [token for chunk in self.chat(logprobs=True, stream=True)
                    for token in (chunk.choices[0].logprobs.content if chunk.choices[0].logprobs else [])]
        self.assertEqual([token.token for token in streamed[:8]], list("say this"))
        self.assertIsNone(self.chat().choices[0].logprobs)

    def test_text_of_any_script_comes_through(self):
        for text in ("Grüße", "日本語", "🏡🌲", '"\\/\n\t', "<begin><end>"):
            messages = [{"role": "user", "content": text}]
            self.assertEqual(self.chat(messages=messages).choices[0].message.content, text)
            pieces = [chunk.choices[0].delta.content or "" for chunk in self.chat(messages=messages, stream=True)]
            self.assertEqual("".join(pieces), text)

    def test_what_clients_send_besides_is_no_mistake(self):
        answer = self.chat(user="somebody", store=False, metadata={"a": "b"}, service_tier="auto", reasoning_effort="low",
                           extra_body={"something_new": [1, 2]}, extra_headers={"OpenAI-Beta": "x"})
        self.assertEqual(answer.choices[0].message.content, "say this")

    # --- completions ---

    def complete(self, **options):
        return self.client.completions.create(**{"model": CHAT, "prompt": "hello", **options})

    def test_completions_take_texts_and_tokens(self):
        self.assertEqual(self.complete().choices[0].text, "hello")
        self.assertEqual([choice.text for choice in self.complete(prompt=["a", "bc"]).choices], ["a", "bc"])
        tokens = [256, *b"hello", 259]  # <begin>, its bytes, <reply>
        self.assertEqual(self.complete(prompt=tokens).choices[0].text, "hello")
        self.assertEqual([choice.text for choice in self.complete(prompt=[tokens, [256, *b"you", 259]]).choices], ["hello", "you"])

    def test_completions_end_after_16_tokens_unless_they_may_go_on(self):
        prompt = "twenty letters it is"
        self.assertEqual(self.complete(prompt=prompt).choices[0].text, prompt[:16])
        self.assertEqual(self.complete(prompt=prompt, max_tokens=100).choices[0].text, prompt)

    def test_completions_stream_with_logprobs_and_usage(self):
        chunks = list(self.complete(stream=True, logprobs=1, stream_options={"include_usage": True}))
        self.assertEqual("".join(chunk.choices[0].text for chunk in chunks[:-1]), "hello")
        told = [token for chunk in chunks[:-1] for token in (chunk.choices[0].logprobs.tokens if chunk.choices[0].logprobs else [])]
        self.assertEqual(told[:5], list("hello"))
        self.assertEqual(chunks[-1].usage.completion_tokens, self.complete().usage.completion_tokens)
        whole = self.complete(logprobs=1).choices[0].logprobs
        self.assertEqual(whole.text_offset[:5], [0, 1, 2, 3, 4])
        self.assertEqual(len(whole.tokens), len(whole.token_logprobs))

    # --- embeddings ---

    def embed(self, **options):
        return self.client.embeddings.create(**{"model": EMBED, "input": "a house", **options})

    def test_embeddings_are_the_same_as_numbers_and_as_base64(self):
        as_base64, as_numbers = self.embed(), self.embed(encoding_format="float")
        self.assertEqual(len(as_numbers.data[0].embedding), 384)
        self.assertGreater(cosine(as_base64.data[0].embedding, as_numbers.data[0].embedding), 0.999999)
        self.assertEqual(as_base64.usage.prompt_tokens, as_base64.usage.total_tokens)

    def test_embeddings_of_several_keep_their_order(self):
        texts = ["a cat", "a dog", "tax law"]
        data = self.embed(input=texts).data
        self.assertEqual([one.index for one in data], [0, 1, 2])
        for text, one in zip(texts, data):
            self.assertGreater(cosine(self.embed(input=text).data[0].embedding, one.embedding), 0.9999)

    def test_fewer_dimensions_are_of_length_one_again(self):
        short, long = self.embed(dimensions=64).data[0].embedding, self.embed().data[0].embedding
        self.assertEqual(len(short), 64)
        self.assertAlmostEqual(sum(x * x for x in short), 1, places=4)
        self.assertGreater(cosine(short, long[:64]), 0.9999)

    def test_embeddings_take_tokens(self):
        wanted = self.embed(input="a house").data[0].embedding
        tokens = [101, 1037, 2160, 102]  # as BERT's vocabulary has them, [CLS] and [SEP] included
        self.assertGreater(cosine(self.embed(input=tokens).data[0].embedding, wanted), 0.9999)
        both = self.embed(input=[tokens, tokens]).data
        self.assertEqual(len(both), 2)
        self.assertGreater(cosine(both[1].embedding, wanted), 0.9999)
        with self.assertRaises(openai.BadRequestError) as refused:
            self.embed(input=[10_000_000])
        self.assertIn("10000000", refused.exception.message)

    # --- what is wrong ---

    def test_errors_are_the_clients_own(self):
        wrong = {
            openai.NotFoundError: lambda: self.chat(model="nobody"),
            openai.BadRequestError: lambda: self.chat(temperature=-1),
            openai.AuthenticationError: lambda: client_of(self.server, api_key="not it").models.list(),
        }
        for kind, ask in wrong.items():
            with self.subTest(kind.__name__), self.assertRaises(kind) as raised:
                ask()
            self.assertTrue(raised.exception.body["message"])
            self.assertTrue(raised.exception.body["type"])
        with self.assertRaises(openai.BadRequestError) as raised:
            self.chat(temperature=-1, stream=True)
        self.assertEqual(raised.exception.param, "temperature")

    def test_a_model_that_cannot_chat_says_so(self):
        for ask in (lambda: self.chat(model=CLASSIFY), lambda: self.embed(model=CHAT)):
            with self.assertRaises(openai.APIStatusError) as raised:
                ask()
            self.assertIn(raised.exception.status_code, (400, 422))

    def test_a_conversation_that_is_too_long_is_refused(self):
        with self.assertRaises(openai.APIStatusError) as raised:
            self.chat(messages=[{"role": "user", "content": "x" * 20000}])
        self.assertIn(raised.exception.status_code, (400, 413))
        self.assertIn("8192", raised.exception.message)

    # --- leaving ---

    def test_a_stream_that_is_closed_stops_the_work(self):
        stream = self.chat(model=SLOW, messages=[{"role": "user", "content": "x" * 500}], stream=True)
        next(iter(stream))
        wait_until(lambda: running(self.server, SLOW) == 1)
        stream.close()
        wait_until(lambda: running(self.server, SLOW) == 0, 1)  # to its end it would be 2 s

    def test_a_client_that_gives_up_stops_the_work(self):
        with self.assertRaises(openai.APITimeoutError):
            self.client.with_options(timeout=1).chat.completions.create(model=SLOW, messages=[{"role": "user", "content": "x" * 500}])
        wait_until(lambda: running(self.server, SLOW) == 0, 1)


class Busy(unittest.TestCase):
    """A server whose queue is short: 429, and when to come back."""

    def test_who_is_refused_comes_back_when_it_was_told_to(self):
        with Server(MODELS, "--set", "queue.requests_max=1", "--set", "generate.sequences_max=1", env=ENV) as server:
            client = client_of(server)
            ask = lambda c: c.chat.completions.create(model=SLOW, messages=[{"role": "user", "content": "x" * 40}])
            ask(client)  # it is loaded now
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                refused, done = [], []
                for answer in [pool.submit(ask, client) for _ in range(8)]:
                    try:
                        done.append(answer.result())
                    except openai.RateLimitError as error:
                        refused.append(error)
                self.assertGreater(len(refused), 0)
                self.assertGreater(len(done), 0)
                for error in refused:
                    self.assertGreaterEqual(int(error.response.headers["Retry-After"]), 1)
                    self.assertEqual(error.type, "rate_limit_error")
                patient = client_of(server, max_retries=10)
                for answer in [pool.submit(ask, patient) for _ in range(4)]:
                    self.assertEqual(answer.result().choices[0].message.content, "x" * 40)


if __name__ == "__main__":
    suite.main()
